"""How much may we risk, and what is already used? The limits as pure functions of what they count.

`RiskManager` and the engine's gate ask the same functions, so they cannot disagree. A number that
is not finite exceeds every limit: `if loss > limit` alone would let NaN pass.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from trader.domain.trading import LimitUse
from trader.risk.settings import CorrelationSettings, GreekLimits, SizingSettings, UniverseSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.portfolio import ChainView

TOLERANCE: Final = 1e-12
"""Three times 1 % is 3 %: binary dust is no breach."""

HaltRule = Literal["daily_loss_halt", "drawdown_halt", "maintenance_margin"]

FRACTIONS: Final = (
    "max_risk_per_trade",
    "max_risk_per_underlying",
    "daily_loss_halt",
    "drawdown_halt",
    "stop_loss_share",
    "min_size_share",
)


class RiskSettings(BaseModel):
    """The limits of the daemon. Invariant: every limit is finite and possible."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    enabled: bool = Field(
        default=True, description="must be true: the daemon never trades without its gate"
    )
    max_risk_per_trade: float = Field(
        default=0.01, gt=0, le=1, description="largest max loss of one chain, fraction of equity"
    )
    max_risk_per_underlying: float = Field(
        default=0.03, gt=0, le=1, description="largest sum of max losses on one underlying"
    )
    max_new_trades_per_day: int = Field(
        default=2, ge=1, le=1000, description="new chains of one strategy in one UTC day"
    )
    max_open_positions_per_strategy: int = Field(
        default=6, ge=1, le=1000, description="chains one strategy may hold or work at once"
    )
    daily_loss_halt: float = Field(
        default=0.03, gt=0, le=1, description="trading loss of the UTC day that halts opens"
    )
    drawdown_halt: float = Field(
        default=0.10, gt=0, le=1, description="fall of trading PnL from its peak that halts opens"
    )
    stop_loss_share: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="a chain that lost this fraction of its stated max loss is closed",
    )
    stress_spot_move: float = Field(
        default=1.25, gt=1, le=10, description="smallest spot factor of the stress, up and down"
    )
    stress_sigmas: float = Field(
        default=4.0, gt=0, le=20, description="standard deviations of the stress to expiry"
    )
    min_size_share: float = Field(
        default=0.5, gt=0, le=1, description="an order shrunk below this share of its size is dust"
    )
    sizing: SizingSettings = Field(default_factory=SizingSettings, description="[risk.sizing]")
    correlation: CorrelationSettings = Field(
        default_factory=CorrelationSettings, description="[risk.correlation]"
    )
    universe: UniverseSettings = Field(
        default_factory=UniverseSettings, description="[risk.universe]"
    )
    greeks: GreekLimits = Field(default_factory=GreekLimits, description="[risk.greeks]")

    @field_validator(*FRACTIONS, mode="before")
    @classmethod
    def _fraction(cls, value: object, info: ValidationInfo) -> object:
        """Name key, value and remedy where a limit is no fraction of equity."""
        number = _number(value)
        if number is not None and not 0 < number <= 1:
            raise ValueError(
                f"{info.field_name} {value} must be above 0 and at most 1 (100 %): "
                "write a fraction, e.g. 0.01 for 1 %"
            )
        return value

    @field_validator("max_new_trades_per_day", "max_open_positions_per_strategy", mode="before")
    @classmethod
    def _count(cls, value: object, info: ValidationInfo) -> object:
        """Name key, value and remedy where a count is not a whole number from 1 on."""
        number = _number(value)
        if number is not None and not (1 <= number <= 1000 and number == int(number)):
            raise ValueError(
                f"{info.field_name} {value} must be a whole number from 1 to 1000: "
                "to open nothing use `trader pause`"
            )
        return value

    @field_validator("stress_spot_move", "stress_sigmas", mode="before")
    @classmethod
    def _stress(cls, value: object, info: ValidationInfo) -> object:
        """Name key, value and remedy where the stress would not move the spot."""
        number = _number(value)
        low, high = (1, 10) if info.field_name == "stress_spot_move" else (0, 20)
        if number is not None and not low < number <= high:
            raise ValueError(
                f"{info.field_name} {value} must be above {low} and at most {high}: "
                f"e.g. {1.25 if low else 4}"
            )
        return value

    @field_validator("enabled", mode="after")
    @classmethod
    def _gate_on(cls, value: bool) -> bool:
        if not value:
            raise ValueError(
                "enabled false: the daemon does not trade without its risk gate; "
                "remove the key or set it to true"
            )
        return value


class Halt(msgspec.Struct, frozen=True):
    """Whether one reason to stop opening holds now, in the unit it counts in.

    `currency` is that of a margin; `unknown` says what cannot be judged, which halts too.
    """

    rule: HaltRule
    active: bool
    limit: float
    used: float
    currency: str = ""
    unknown: str = ""

    @property
    def detail(self) -> str:
        """Say it in words."""
        if self.unknown:
            return self.unknown
        if self.rule != "maintenance_margin":
            word = "lost today" if self.rule == "daily_loss_halt" else "below the peak"
            return f"{self.used:.2%} of equity {word}, halt at {self.limit:.2%}"
        if not self.currency:
            return "no margin is in use"
        return (
            f"{self.currency}: maintenance margin {self.used:.4f} on a margin balance of "
            f"{self.limit:.4f}"
        )


class AccountNumbers(Protocol):
    """What the halts read of an account: PnL against holding, in USD; margins by currency."""

    @property
    def equity_usd(self) -> float: ...
    @property
    def trading_pnl_usd(self) -> float: ...
    @property
    def day_open_pnl_usd(self) -> float: ...
    @property
    def peak_pnl_usd(self) -> float: ...
    @property
    def margin_balance(self) -> Mapping[str, float]: ...
    @property
    def maintenance_margin(self) -> Mapping[str, float]: ...


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An account's numbers at one instant, for asking about halts without an intent."""

    equity_usd: float
    trading_pnl_usd: float
    day_open_pnl_usd: float
    peak_pnl_usd: float
    margin_balance: Mapping[str, float]
    maintenance_margin: Mapping[str, float]


def exceeded(use: LimitUse) -> bool:
    """Whether `used + requested` is beyond the limit; a number that is not finite always is."""
    total = use.used + use.requested
    return not (math.isfinite(total) and total <= use.limit + TOLERANCE)


def per_trade_use(limit: float, share: float, used: float = 0.0) -> LimitUse:
    """Ask the limit of one trade: `used` is what its chain risks already (an addition)."""
    return LimitUse(rule="per_trade_risk", limit=limit, used=used, requested=share)


def underlying_use(limit: float, open_shares: Iterable[float], share: float) -> LimitUse:
    """Ask the limit of one underlying: all that is open on it plus what comes."""
    return LimitUse(
        rule="underlying_risk", limit=limit, used=math.fsum(open_shares), requested=share
    )


def daily_use(limit: int, trades_today: int) -> LimitUse:
    """Ask for one more new trade of a strategy on this UTC day."""
    return LimitUse(
        rule="daily_trades", limit=float(limit), used=float(trades_today), requested=1.0
    )


def open_positions_use(limit: int, open_chains: int) -> LimitUse:
    """Ask for one more chain beside those a strategy holds or works."""
    return LimitUse(
        rule="open_positions", limit=float(limit), used=float(open_chains), requested=1.0
    )


def halts(settings: RiskSettings, account: AccountNumbers) -> tuple[Halt, ...]:
    """Look at every reason to halt opens: daily loss, drawdown, maintenance margin, in this order.

    Losses are trading PnL (against holding the starting balances) over today's equity. What cannot
    be computed halts: an unknown loss is no permission.
    """
    pnl = account.trading_pnl_usd
    day_loss = account.day_open_pnl_usd - pnl
    drawdown = account.peak_pnl_usd - pnl
    return (
        _loss_halt("daily_loss_halt", settings.daily_loss_halt, day_loss, account.equity_usd),
        _loss_halt("drawdown_halt", settings.drawdown_halt, drawdown, account.equity_usd),
        _margin_halt(account.margin_balance, account.maintenance_margin),
    )


def stop_loss_due(chain: ChainView, loss_usd: float, settings: RiskSettings) -> bool:
    """Whether a chain lost so much of its stated max loss that it should be closed.

    `loss_usd` is positive for a loss, marked at prices the caller trusts; NaN (no trusted mark)
    asks for nothing, since a stop on an unknown price would trade on a guess. A chain that cannot
    lose at its end (hedged) has no stop: what it shows is noise of the quotes. The default of 75 %
    ends a trade while a remainder is still worth saving; strategies' own stops sit far tighter.
    """
    most = chain.max_loss_usd
    return most > 0 and loss_usd >= settings.stop_loss_share * most - TOLERANCE


def _loss_halt(rule: HaltRule, limit: float, loss_usd: float, equity_usd: float) -> Halt:
    share = loss_usd / equity_usd if 0 < equity_usd < math.inf else math.nan
    if not math.isfinite(share):
        unknown = f"loss {loss_usd} USD on equity {equity_usd} USD cannot be judged"
        return Halt(rule, True, limit, 1.0, unknown=unknown)
    used = max(share, 0.0)
    return Halt(rule, used >= limit - TOLERANCE, limit, used)


def _margin_halt(balance: Mapping[str, float], maintenance: Mapping[str, float]) -> Halt:
    """Compare maintenance margin with margin balance in the currency where it is tightest."""
    rule: HaltRule = "maintenance_margin"
    tightest = Halt(rule, False, 0.0, 0.0)
    room = math.inf
    for currency in sorted(maintenance):
        need, have = maintenance[currency], balance.get(currency, 0.0)
        if not (math.isfinite(need) and math.isfinite(have)):
            unknown = f"{currency}: margin {need} on balance {have} cannot be judged"
            return Halt(rule, True, 0.0, 1.0, unknown=unknown)
        if need > 0 and have - need < room:
            room = have - need
            tightest = Halt(rule, room < 0, have, need, currency)
    return tightest


def _number(value: object) -> float | None:
    """Read a setting as a number where it is one (environment values arrive as text)."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
