"""What happens? Every input of the engine: facts of the market, of time, and commands of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from trader.domain.instruments import Instrument
from trader.domain.market import Bars
from trader.domain.models import ModelCalibrated
from trader.domain.trading import Stage

if TYPE_CHECKING:
    from trader.domain.market import Floats

FaultKind = Literal[
    "server_gone",
    "heartbeat_overdue",
    "mute_channel",
    "half_frame",
    "garbage",
    "duplicate",
    "gap",
    "out_of_order",
    "clock_jump",
    "index_mismatch",
    "maintenance",
    "rate_limited",
]


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The displayed touch of one instrument. NaN = no price on that side (0 is not a price).

    Prices in settlement currency per unit (inverse options: coin); `mark_iv` a fraction, NaN for
    contracts without one; `underlying_price` the forward of an option, the index elsewhere.
    """

    instrument: str
    exchange_at: int
    bid: float
    bid_amount: float
    ask: float
    ask_amount: float
    mark: float
    mark_iv: float
    underlying_price: float
    index_price: float


class BoardSnapshot(msgspec.Struct, frozen=True):
    """A whole board at one instant, for history: arrays aligned with `instruments`.

    A provider that reuses the same `instruments` tuple between steps spares the engine the look-up.
    """

    underlying: str
    exchange_at: int
    index_price: float
    instruments: tuple[Instrument, ...]
    bid: Floats
    bid_amount: Floats
    ask: Floats
    ask_amount: Floats
    mark: Floats
    mark_iv: Floats
    underlying_price: Floats


class IndexPrice(msgspec.Struct, frozen=True, gc=False):
    """The index of an underlying in USD."""

    underlying: str
    price: float
    exchange_at: int


class FundingRate(msgspec.Struct, frozen=True, gc=False):
    """The current funding rate of a perpetual, a fraction per 8 hours."""

    instrument: str
    rate_8h: float
    exchange_at: int


class DeliveryPrice(msgspec.Struct, frozen=True):
    """The price at which every contract of an underlying that expired then is settled."""

    underlying: str
    expires_at: int
    price: float


class HistoryLoaded(msgspec.Struct, frozen=True):
    """Closed hourly bars of an index from before we listened (or across a gap)."""

    underlying: str
    bars: Bars


class InstrumentListed(msgspec.Struct, frozen=True):
    """Contracts that can be traded from now on; known ones are refreshed."""

    instruments: tuple[Instrument, ...]


class InstrumentExpired(msgspec.Struct, frozen=True):
    """Contracts that no longer exist; what we hold of them waits for its delivery price."""

    names: tuple[str, ...]


class FeedLost(msgspec.Struct, frozen=True):
    """Quotes in `scope` (instrument names or `*`) must not be trusted from here on."""

    kind: FaultKind
    scope: tuple[str, ...]
    detail: str


class FeedRestored(msgspec.Struct, frozen=True):
    """Quotes in `scope` may be trusted again as each next one arrives."""

    scope: tuple[str, ...]
    detail: str


class FeedFault(msgspec.Struct, frozen=True):
    """A fault that lost no trust (a duplicate, dropped garbage): noted, marked, counted."""

    kind: FaultKind
    scope: tuple[str, ...]
    detail: str


class RecordingTrouble(msgspec.Struct, frozen=True):
    """The recorder stopped, left inputs out, or deleted early: a person should see it.

    Trading goes on: it is an input only so that the journal remembers.
    """

    kind: Literal["recording_stopped", "recording_dropped", "recording_trimmed"]
    detail: str


class TimerFired(msgspec.Struct, frozen=True, gc=False):
    """A timer of the engine was due; late ones of the same name are coalesced into one."""

    name: str
    due_at: int


class StageChanged(msgspec.Struct, frozen=True, tag=True):
    """A strategy lives at another stage from now on. A fact as well as an event."""

    strategy: str
    stage: Stage
    by: str
    reason: str
    configuration_hash: str


class NightVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one night says of one strategy: the best stage its evidence allows, and why.

    `standing` is "judged", "insufficient" (too thin a sample: `stage` is RESEARCH, but nothing
    follows from it) or "failed" (no judgment). Where a study gave no answer a strategy may live
    higher than it may be promoted: at `demote_to` (None: at `stage`), no higher for
    `demote_reason` ("": for `reason`). `live_divergence` says how
    its paper trades left the envelope of its backtest, "" where they did not. `figures` are the
    scorecard's headline numbers.
    """

    strategy: str
    configuration_hash: str
    stage: Stage
    standing: Literal["judged", "insufficient", "failed"]
    reason: str
    demote_to: Stage | None = None
    demote_reason: str = ""
    live_divergence: str = ""
    figures: dict[str, float] = {}


class TraderProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What type of trader a strategy is, or (`strategy` None) the account as a whole.

    `cluster` numbers the type, `confidence` (0 to 1) says how far it is from another, `trades` how
    many it rests on, `reason` how it was found.
    """

    strategy: str | None
    cluster: int
    type_name: str
    confidence: float
    trades: int
    reason: str


class NightEvaluated(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The night of a UTC day (`date`, YYYY-MM-DD) is done. A fact as well as an event."""

    date: str
    profile: Literal["full", "quick"]
    verdicts: tuple[NightVerdict, ...]
    detail: str = ""
    traders: tuple[TraderProfile, ...] = ()


class PauseTrading(msgspec.Struct, frozen=True, tag=True):
    """Stop opening: of one strategy, or of all where `strategy` is None. Closes go on."""

    by: str
    reason: str
    strategy: str | None = None


class ResumeTrading(msgspec.Struct, frozen=True, tag=True):
    """Open again what a pause or a halt stopped."""

    by: str
    reason: str
    strategy: str | None = None


class ClosePosition(msgspec.Struct, frozen=True, tag=True):
    """Close one chain at the displayed quotes as soon as they allow."""

    by: str
    reason: str
    chain_id: str


class FlattenAll(msgspec.Struct, frozen=True, tag=True):
    """Cancel every working order, close every chain, pause all opening."""

    by: str
    reason: str


class Promote(msgspec.Struct, frozen=True, tag=True):
    """Raise a strategy to a stage; only a person may. `override` waives what speaks against it."""

    by: str
    reason: str
    strategy: str
    stage: Stage
    override: bool = False


class Demote(msgspec.Struct, frozen=True, tag=True):
    """Lower a strategy to a stage."""

    by: str
    reason: str
    strategy: str
    stage: Stage


class RunNightly(msgspec.Struct, frozen=True, tag=True):
    """Ask for the nightly evaluation of a date now."""

    by: str
    reason: str
    date: str


Command = PauseTrading | ResumeTrading | ClosePosition | FlattenAll | Promote | Demote | RunNightly
Event = (
    Quote
    | BoardSnapshot
    | IndexPrice
    | FundingRate
    | DeliveryPrice
    | HistoryLoaded
    | InstrumentListed
    | InstrumentExpired
    | FeedLost
    | FeedRestored
    | FeedFault
    | RecordingTrouble
    | TimerFired
    | ModelCalibrated
    | StageChanged
    | NightEvaluated
    | Command
)


class Stamped(msgspec.Struct, frozen=True, gc=False):
    """One input of the engine: gap-free `sequence` within an epoch, `at` on the market clock."""

    sequence: int
    at: int
    event: Event
