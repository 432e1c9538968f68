"""What is a strategy? The contract that built-in and foreign ones fulfill, and the file of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal, Protocol, get_args

import msgspec
import pydantic
from pydantic import ConfigDict, Field

from trader.domain.instruments import INVERSE_COINS, Instrument
from trader.domain.trading import Stage, Stop
from trader.domain.units import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.situation import Situation
    from trader.domain.trading import Intent

ENTRY_POINT_GROUP = "trader.strategies"
"""Where packages of others announce their strategies (the class itself is the entry point)."""

Underlying = Literal[
    "BTC", "ETH", "SOL", "XRP", "ADA", "AVAX", "BCH", "DOGE", "DOT", "LINK", "LTC", "NEAR",
]  # fmt: skip
COINS: Final[tuple[Underlying, ...]] = get_args(Underlying)
"""What can be traded: options of those with contracts in coin, perpetuals of all."""

MINUTES_PER_DAY = DAY // MINUTE


class Cadence(msgspec.Struct, frozen=True):
    """When a strategy is asked, in nanoseconds of market time.

    It may open at multiples of `every` past UTC midnight plus `offset`, and is asked about its
    exits at multiples of `manage_every` past midnight.
    """

    every: int
    offset: int
    manage_every: int

    def __post_init__(self) -> None:
        if self.every <= 0 or self.manage_every <= 0:
            raise ValueError(
                f"cadence: every {self.every} and manage_every {self.manage_every} must be positive"
            )
        if not 0 <= self.offset < self.every:
            raise ValueError(f"cadence: offset {self.offset} must lie in [0, every={self.every})")

    def latest_due(self, at: int) -> int:
        """Find the last moment up to and including `at` at which opening was due."""
        return (at - self.offset) // self.every * self.every + self.offset

    def next_due(self, at: int) -> int:
        """Find the first moment after `at` at which opening is due."""
        return self.latest_due(at) + self.every


class SketchLeg(msgspec.Struct, frozen=True):
    """One leg of the typical one-lot structure: answers "can it ever trade?" without a market.

    `instrument` is fictitious, `price` its Black-76 value in settlement currency at `iv`; that of a
    perpetual is its index, with its `stop`.
    """

    instrument: Instrument
    ratio: int
    price: float
    iv: float
    stop: Stop | None = None


class Strategy(Protocol):
    """A rule that turns one situation into intents.

    It holds parameters, never memory: the same situation gives equal intents, today, after a
    restart and in a backtest. It never raises on what a market can show (empty or NaN boards).
    """

    kind: ClassVar[str]
    Settings: ClassVar[type[pydantic.BaseModel]]

    def __init__(
        self, *, name: str, underlying: str, settings: pydantic.BaseModel, timetable: Cadence
    ) -> None:
        """Take validated parameters (of the class's own `Settings`) and nothing else."""

    @property
    def name(self) -> str:
        """The name that chains, orders and reports carry."""

    @property
    def underlying(self) -> str:
        """The coin whose board it reads."""

    @property
    def settings(self) -> pydantic.BaseModel:
        """Its parameters, an instance of `Settings`."""

    def cadence(self) -> Cadence:
        """Say when to be asked."""

    def propose(self, situation: Situation) -> tuple[Intent, ...]:
        """Wish for trades: exits at any occasion, opens at "open" only."""

    def parameter_space(self) -> Mapping[str, tuple[float, ...]]:
        """List, per field of `Settings`, the values a study may try, ascending."""

    def sketch(self, index: float, iv: float, at: int) -> tuple[SketchLeg, ...]:
        """Draw the structure it would typically open, priced by Black-76.

        Raises:
            ValueError: index or iv is not a positive number.
        """


def trades_linear(strategy: Strategy) -> bool:
    """Whether a strategy reads the board of options settled in USDC, by a class attribute `linear`.

    Without one it reads the board settled in coin.
    """
    return bool(getattr(strategy, "linear", False))


def asks_models(strategy: Strategy) -> bool:
    """Whether a strategy asks what models hold options to be worth: only then a backtest fits them.

    It does where its settings hold a `min_edge`, or by an attribute `asks_models`.
    """
    edge: float | None = getattr(strategy.settings, "min_edge", None)
    return edge is not None or bool(getattr(strategy, "asks_models", False))


def boards_apart(strategy: Strategy) -> int | None:
    """Tell how far apart boards may lie, in nanoseconds, to show what meets the quotes it rests.

    By an attribute `boards_apart` of those that rest quotes; None of all others.
    """
    apart: int | None = getattr(strategy, "boards_apart", None)
    return apart


def perpetuals_of(strategy: Strategy) -> Mapping[str, str]:
    """Name the perpetuals a strategy trades, by coin, its own coin first.

    By an attribute `perpetuals`, or one `perpetual` that names that of its coin; else it has none.
    """
    name = getattr(strategy, "perpetual", None)
    one = {strategy.underlying: name} if isinstance(name, str) else {}
    found: Mapping[str, str] = getattr(strategy, "perpetuals", one)
    return found


def perpetual_of(strategy: Strategy) -> str | None:
    """Name the perpetual of a strategy's own coin; None where it trades none."""
    return perpetuals_of(strategy).get(strategy.underlying)


def has_boards(strategy: Strategy) -> bool:
    """Whether recorded boards can show what it trades: of a coin that has options, alone."""
    return strategy.underlying in INVERSE_COINS and len(coins_of(strategy)) == 1


def coins_of(strategy: Strategy) -> tuple[str, ...]:
    """List the coins a strategy trades, its own first."""
    return tuple(dict.fromkeys((strategy.underlying, *perpetuals_of(strategy))))


def reads_board(strategy: Strategy) -> bool:
    """Whether a strategy trades options: all that name no perpetual, and those that trade both say
    so by a class attribute `options`.
    """
    return perpetual_of(strategy) is None or bool(getattr(strategy, "options", False))


class CadenceSettings(pydantic.BaseModel):
    """When a strategy may open and how often its exits are reviewed (market time)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: int = Field(default=0, ge=0, le=24 * 31, description="Hours between decisions to open.")
    minutes: int = Field(default=0, ge=0, lt=60, description="Minutes added to `hours`.")
    offset_minutes: int = Field(
        default=0, ge=0, description="Minutes past UTC midnight of the first decision."
    )
    manage_minutes: int = Field(
        default=5, ge=1, le=MINUTES_PER_DAY, description="Minutes between reviews of the exits."
    )

    @pydantic.model_validator(mode="after")
    def _repeats_with_the_day(self) -> CadenceSettings:
        every = self.hours * 60 + self.minutes
        if every == 0:
            raise ValueError("hours 0 and minutes 0: give the time between decisions")
        if MINUTES_PER_DAY % every and every % MINUTES_PER_DAY:
            raise ValueError(f"{every} minutes must divide a day or be whole days, e.g. hours = 2")
        if MINUTES_PER_DAY % self.manage_minutes:
            raise ValueError(f"manage_minutes {self.manage_minutes} must divide a day, e.g. 5")
        if self.offset_minutes >= every:
            raise ValueError(f"offset_minutes {self.offset_minutes} must be below {every}")
        return self

    def cadence(self) -> Cadence:
        """Convert to market time."""
        return Cadence(
            every=(self.hours * 60 + self.minutes) * MINUTE,
            offset=self.offset_minutes * MINUTE,
            manage_every=self.manage_minutes * MINUTE,
        )


class StrategyFile(pydantic.BaseModel):
    """One file of `config/strategies`: which kind trades what, when, and with which parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
        description="Unique name: lower-case letters, digits and _, at most 40.",
    )
    kind: str = Field(min_length=1, description="Kind of strategy, e.g. covered_call.")
    underlying: Underlying = Field(
        description="Coin it trades: options of BTC and ETH, perpetuals of others as well."
    )
    initial_stage: Stage = Field(
        default="RESEARCH",
        description="Stage at its first start: RESEARCH (shadow), PILOT (quarter) or PRODUCTION.",
    )
    enabled: bool = Field(default=True, description="false keeps the file but runs nothing.")
    cadence: CadenceSettings = Field(description="When it is asked.")
    parameters: dict[str, object] = Field(
        default_factory=dict, description="Parameters of the kind; missing ones take its defaults."
    )


def build(kind: type[Strategy], file: StrategyFile) -> Strategy:
    """Make the strategy a file describes, `kind` being the class registered under `file.kind`.

    Raises:
        pydantic.ValidationError: the parameters are not those of the kind.
    """
    return kind(
        name=file.name,
        underlying=file.underlying,
        settings=kind.Settings.model_validate(file.parameters),
        timetable=file.cadence.cadence(),
    )


def grid_around(value: float, step: float, low: float, high: float) -> tuple[float, ...]:
    """List `value` and two steps to either side within [low, high]: a grid that holds today's."""
    grid = (round(value + k * step, 10) for k in (-2, -1, 0, 1, 2))
    return tuple(one for one in grid if one == value or low <= one <= high)
