"""What can go wrong at the bundled exchange? Every kind of fault, as a person writes it.

One table of a faults file, or the parameters of `simulator/fault_start`, is one fault. When it is
on, `fault_plan` says; what it does to one client's frames, `disturbance`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trader.domain.units import DAY, HOUR, SECOND

DURATION_S_MAX: Final = 31_622_400.0
"""A leap year: more is a slip of the pen."""

ABNORMAL: Final = 1006
"""The close code of a connection that is cut without a close frame."""

WEEK: Final = 7 * DAY
FIRST_FRIDAY: Final = DAY + 8 * HOUR
"""Friday, 2 January 1970, 08:00 UTC."""

Seconds = Annotated[float, Field(ge=0, le=DURATION_S_MAX, allow_inf_nan=False)]
Span = Annotated[float, Field(gt=0, le=DURATION_S_MAX, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Pattern = Annotated[str, Field(min_length=1, max_length=200)]


class Fault(BaseModel):
    """When a fault is on: from `starts_s` after the exchange began, for `duration_s`, again every
    `every_s`; in seconds of the wall, or of the market where `clock` says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: str
    clock: Literal["wall", "market"] = "wall"
    starts_s: Seconds = 0.0
    duration_s: Span = 1.0
    every_s: Span | None = None

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.every_s is not None and self.every_s < self.duration_s:
            raise ValueError(
                f"every_s {self.every_s:g} is below duration_s {self.duration_s:g}; "
                "raise every_s, or shorten duration_s"
            )
        return self


class ClientFault(Fault):
    """A fault of some clients: `ws/1` is the first websocket that came, `http` is everyone there.

    A shell pattern, as `scope` below is.
    """

    clients: Pattern = "*"

    def concerns(self, client: str) -> bool:
        """Tell whether the fault is about a client."""
        return self.clients == "*" or fnmatchcase(client, self.clients)


class FrameFault(ClientFault):
    """A fault of some frames: those whose topic fits `scope`, each with `probability`, and of one
    client not more than `count` (each time the fault comes).

    The topic is the channel of a notification, the method of an answer, or `heartbeat`.
    """

    scope: Pattern = "*"
    probability: Share = 1.0
    count: Annotated[int, Field(ge=1, le=10**9)] | None = None

    def covers(self, topic: str) -> bool:
        """Tell whether the fault is about a topic."""
        return self.scope == "*" or fnmatchcase(topic, self.scope)


class Drop(FrameFault):
    """Frames never leave; over HTTP the connection ends without an answer."""

    kind: Literal["drop"] = "drop"


class Mute(FrameFault):
    """Channels say nothing; answers and heartbeats go on."""

    kind: Literal["mute"] = "mute"


class Gap(FrameFault):
    """Notifications are lost, of books unless said otherwise: their chain of `change_id` breaks."""

    kind: Literal["gap"] = "gap"
    scope: Pattern = "book.*"
    probability: Share = 0.5


class Delay(FrameFault):
    """Frames leave `delay_s` late, and up to `jitter_s` more; in a topic none overtakes another."""

    kind: Literal["delay"] = "delay"
    delay_s: Span = 1.0
    jitter_s: Seconds = 0.0


class Duplicate(FrameFault):
    """Frames leave twice in a row."""

    kind: Literal["duplicate"] = "duplicate"


class Reorder(FrameFault):
    """Frames leave after the next one of their topic."""

    kind: Literal["reorder"] = "reorder"


class Corrupt(FrameFault):
    """Frames are spoiled: `json` breaks the syntax, `types` keeps it and turns numbers into texts
    and texts into numbers, `bits` flips some.

    Flipped bits may make another plausible number: no reader of JSON can notice that.
    """

    kind: Literal["corrupt"] = "corrupt"
    mode: Literal["json", "types", "bits"] = "json"
    bits: Annotated[int, Field(ge=1, le=10_000)] = 8


class Truncate(FrameFault):
    """Frames end after the share `keep` of their bytes."""

    kind: Literal["truncate"] = "truncate"
    keep: Share = 0.5


class ZeroSide(FrameFault):
    """Tickers and quotes show 0 for price and amount of a side, as for an empty one."""

    kind: Literal["zero_side"] = "zero_side"
    side: Literal["bid", "ask", "both"] = "both"


class ClockSkew(FrameFault):
    """The exchange's timestamps are `skew_s` off, and `drift` seconds more with each second.

    `simulator/clock` tells the truth: it is the clock of the demo, not a word of the exchange.
    """

    kind: Literal["clock_skew"] = "clock_skew"
    skew_s: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] = 3_600.0
    drift: Annotated[float, Field(ge=-1_000, le=1_000, allow_inf_nan=False)] = 0.0


class TooManyRequests(FrameFault):
    """Calls are refused with 10028, and unless `closes` is false the connection ends with it."""

    kind: Literal["too_many_requests"] = "too_many_requests"
    closes: bool = True


class Drip(ClientFault):
    """Bytes leave so slowly, in pieces that end anywhere."""

    kind: Literal["drip"] = "drip"
    bytes_per_s: Annotated[float, Field(ge=1, le=1e9)] = 1_000.0


class Close(ClientFault):
    """Websockets are closed with a code, again and again; 1006 cuts them without a close frame."""

    kind: Literal["close"] = "close"
    code: Annotated[int, Field(ge=1000, le=4999)] = ABNORMAL
    reason: Annotated[str, Field(max_length=120)] = ""

    @model_validator(mode="after")
    def _sendable(self) -> Self:
        if self.code in (1004, 1005, 1015) or 1016 <= self.code < 3000:
            raise ValueError(
                f"code {self.code} must never be sent; "
                "give 1006 (a cut), 1000-1003, 1007-1014 or 3000-4999"
            )
        return self


class Refuse(ClientFault):
    """New connections are answered with `status`; those that stand are cut if `cuts`."""

    kind: Literal["refuse"] = "refuse"
    status: Literal[403, 429, 500, 502, 503] = 503
    cuts: bool = True


class ExpiryStorm(Fault):
    """The market's clock jumps to `before_s` before the next Friday, 08:00 UTC.

    Weeklies and longer expire then, and whatever expired on the days jumped over is gone at once.
    """

    kind: Literal["expiry_storm"] = "expiry_storm"
    before_s: Annotated[float, Field(ge=0, le=6 * 86_400, allow_inf_nan=False)] = 60.0

    def breaks_at(self, at: int) -> int:
        """Tell to which later instant the clock jumps from an instant."""
        before = int(self.before_s * SECOND)
        weeks = (at + before - FIRST_FRIDAY) // WEEK + 1
        return FIRST_FRIDAY + weeks * WEEK - before


class Maintenance(Fault):
    """The platform is locked: calls are refused with 11051, channels fall silent.

    `platform_state` tells its begin and its end, `public/status` and `public/test` are answered.
    """

    kind: Literal["maintenance"] = "maintenance"


AnyFault = (
    Drop
    | Mute
    | Gap
    | Delay
    | Duplicate
    | Reorder
    | Corrupt
    | Truncate
    | ZeroSide
    | ClockSkew
    | TooManyRequests
    | Drip
    | Close
    | Refuse
    | ExpiryStorm
    | Maintenance
)

KINDS: Final[dict[str, type[AnyFault]]] = {
    kind.model_fields["kind"].default: kind for kind in get_args(AnyFault)
}


def read_fault(table: Mapping[str, Any]) -> AnyFault:
    """Make a fault of its fields; `kind` must be one of `KINDS`.

    Raises:
        ValidationError: of pydantic, with every field that is wrong.
    """
    return KINDS[table["kind"]].model_validate(table)
