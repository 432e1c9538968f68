"""What came of one input? The outcome is the log: facts in order, requests for slow work."""

from __future__ import annotations

import hashlib

import msgspec

from trader.domain.facts import AlertRaised, Fact, Filled, Recorded, Settled
from trader.domain.models import Surface
from trader.domain.trading import Approved, Refused, Verdict


class DeliveryPriceNeeded(msgspec.Struct, frozen=True):
    """Ask the venue for the delivery price of an expiry; it comes back as a `DeliveryPrice`."""

    underlying: str
    expires_at: int


class NightNeeded(msgspec.Struct, frozen=True):
    """Evaluate the strategies as of the end of a UTC day; it comes back as a `NightEvaluated`.

    `by_hand` says that a person asked, whatever has been done before.
    """

    date: str
    by_hand: bool = False


class CalibrationNeeded(msgspec.Struct, frozen=True):
    """Fit models to a surface; each comes back as a `ModelCalibrated`.

    `starts` are the parameters that were adopted last, by model.
    """

    surface: Surface
    models: tuple[str, ...]
    starts: dict[str, tuple[float, ...]]


Request = DeliveryPriceNeeded | NightNeeded | CalibrationNeeded


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """Everything one input caused. Facts are in the order in which they happened.

    `quality` scores the channel that an input of the market came by, with that input: 0 to 1.
    """

    sequence: int
    at: int
    facts: tuple[Fact, ...] = ()
    requests: tuple[Request, ...] = ()
    data_quality: tuple[str, ...] = ()
    quality: float | None = None

    @property
    def records(self) -> tuple[Recorded, ...]:
        """The facts as the journal keeps them."""
        return tuple(Recorded(self.sequence, self.at, fact) for fact in self.facts)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What the gate said."""
        return tuple(fact for fact in self.facts if isinstance(fact, Approved | Refused))

    @property
    def fills(self) -> tuple[Filled, ...]:
        """What traded."""
        return tuple(fact for fact in self.facts if isinstance(fact, Filled))

    @property
    def settlements(self) -> tuple[Settled, ...]:
        """What expired and was paid."""
        return tuple(fact for fact in self.facts if isinstance(fact, Settled))

    @property
    def alerts(self) -> tuple[AlertRaised, ...]:
        """What a person should see."""
        return tuple(fact for fact in self.facts if isinstance(fact, AlertRaised))


_ENCODER = msgspec.json.Encoder(order="deterministic")


class OutcomeDigest:
    """A running fingerprint of outcomes: two runs of the same inputs must end on the same one."""

    __slots__ = ("_hash",)

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, outcome: Outcome) -> None:
        """Take one more outcome in; those without consequences count by sequence and time."""
        self._hash.update(_ENCODER.encode(outcome))

    def hexdigest(self) -> str:
        """Name everything added so far."""
        return self._hash.hexdigest()
