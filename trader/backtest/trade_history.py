"""What came of a run? Chains that ended, what was refused, what the account was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from trader.backtest.history import Provenance
from trader.domain.facts import (
    AccountMarked,
    AlertRaised,
    ChainEnded,
    Filled,
    FundingPaid,
    HaltChanged,
    OrderPlaced,
    SessionOpened,
    Settled,
)
from trader.domain.trading import Approved, Refused
from trader.domain.units import DOLLARS, from_atoms
from trader.engine.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.facts import Fact, Recorded
    from trader.domain.instruments import Instrument
    from trader.engine.sources import Source


class ClosedChain(msgspec.Struct, frozen=True, kw_only=True):
    """One chain from its first fill to its end: the unit every statistic counts.

    `pnl_pct` is a fraction of equity at the first open; `fees_pct` (negative) what of it went in
    fees, delivery fees included, `premium_pct` the premium of the options it opened, `funding_pct`
    the funding of its perpetuals, `risk_pct` the max loss it was approved with; in the same unit.
    """

    chain_id: str
    strategy: str
    underlying: str
    opened_at: int
    closed_at: int
    pnl_pct: float
    pnl_usd: float
    fees_pct: float
    premium_pct: float
    risk_pct: float
    how: str
    funding_pct: float = 0.0

    @property
    def multiple(self) -> float:
        """Result in R: over what was risked, so that sizes compare."""
        return self.pnl_pct / self.risk_pct if self.risk_pct > 0 else 0.0


class Mark(msgspec.Struct, frozen=True):
    """What the account was worth at an instant, USD; `trading_pnl_usd` against holding."""

    at: int
    equity_usd: float
    trading_pnl_usd: float


class TradeHistory(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a study reads of one run. Chains are in the order of their end."""

    start: int
    end: int
    provenance: Provenance
    chains: tuple[ClosedChain, ...]
    marks: tuple[Mark, ...]
    refused: dict[str, int]
    skipped: int
    failed: int
    halted: int
    open_chains: int
    decisions: int
    digest: str = ""


class Bookkeeper:
    """Reads facts as they come; holds no fact that no study reads."""

    def __init__(self) -> None:
        self._sources = Sources()
        self._moved: dict[str, dict[Source, float]] = {}
        self._share: dict[str, float] = {}
        self._risk: dict[str, float] = {}
        self.chains: list[ClosedChain] = []
        self.marks: list[Mark] = []
        self.refused: dict[str, int] = {}
        self.alerts: dict[str, int] = {}
        self.halted = 0

    def read(self, records: Iterable[Recorded]) -> None:
        """Take facts in, oldest first."""
        for recorded in records:
            match recorded.fact:
                case Approved() as approved if approved.intent.action == "open":
                    self._risk[approved.chain_id] = approved.max_loss.share
                case OrderPlaced() as placed if placed.order.action == "open":
                    self._open(placed.order.chain_id, placed.instruments[0], placed)
                case SessionOpened() as opened:
                    self._open(opened.chain_id, opened.instrument, opened)
                case Filled() | FundingPaid() | Settled():
                    self._move(recorded.fact)
                case ChainEnded() as ended:
                    self._move(ended)
                    self.chains.append(self._closed(ended, recorded.at))
                case AccountMarked() as marked if not marked.account.startswith("shadow:"):
                    mark = Mark(recorded.at, marked.equity_usd, marked.trading_pnl_usd)
                    self.marks.append(mark)
                case Refused() as refused:
                    self.refused[refused.rule] = self.refused.get(refused.rule, 0) + 1
                case AlertRaised() as alert:
                    self.alerts[alert.kind] = self.alerts.get(alert.kind, 0) + 1
                case HaltChanged() as halt:
                    self.halted += halt.active
                case _:
                    pass

    def _open(
        self, chain_id: str, instrument: Instrument, opened: OrderPlaced | SessionOpened
    ) -> None:
        """Note what one unit of what a chain settles in is, of equity at its open."""
        unit = 1.0 if instrument.settlement_currency == DOLLARS else opened.index
        self._share[chain_id] = unit / opened.equity_usd

    def _move(self, fact: Fact) -> None:
        """Sum by chain what moved, by its source."""
        for one in self._sources.moves(fact):
            sums = self._moved.setdefault(one.chain_id, {})
            sums[one.source] = sums.get(one.source, 0.0) + from_atoms(one.atoms)

    def _closed(self, ended: ChainEnded, at: int) -> ClosedChain:
        """Express sums in the unit of `pnl_pct`: equity at the first open."""
        moved = self._moved.pop(ended.chain_id, {})
        share = self._share.pop(ended.chain_id)
        return ClosedChain(
            chain_id=ended.chain_id,
            strategy=ended.strategy,
            underlying=ended.underlying,
            opened_at=ended.opened_at,
            closed_at=at,
            pnl_pct=ended.pnl_pct,
            pnl_usd=ended.pnl_usd,
            fees_pct=moved.get("fees", 0.0) * share,
            premium_pct=moved.get("premium", 0.0) * share,
            risk_pct=self._risk.pop(ended.chain_id, 0.0),
            how=ended.how,
            funding_pct=moved.get("funding", 0.0) * share,
        )
