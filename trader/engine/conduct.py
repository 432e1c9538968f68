"""How did each strategy, and the account as a whole, trade lately? Tapes, folded from facts.

Chains are the trades: legs, rolls and additions belong to theirs. What was asked for is the size
that tells of temper: the gate's cuts, the stage and our own multipliers are not the trader's doing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.behavior.trades import Trade
from trader.domain.facts import MAIN_ACCOUNT
from trader.domain.units import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.domain.events import TraderProfile
    from trader.domain.facts import BehaviorAlert, BehaviorJudged, ChainEnded
    from trader.domain.trading import Approved
    from trader.engine.chains import Chain

DEALS_MAX: Final = 200
"""How many closed chains of each trader are remembered."""
RECOVERED: Final = 0.99
"""A multiplier that came back so far is 1 again: halves alone never end."""


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """One chain as a trade, its result and sizes as fractions of equity.

    `asked` and `risk` are max losses, wanted and taken; `opened_in` and `closed_in` the sequences
    of the steps in which it first filled and ended.
    """

    chain_id: str
    opened_in: int
    decided_at: int
    opened_at: int
    asked: float
    risk: float
    closed_in: int | None = None
    closed_at: int | None = None
    pnl: float = 0.0

    def trade(self, size: float) -> Trade:
        """Show it to a student of behavior; one that lives made nothing yet."""
        ended = self.closed_at if self.closed_at is not None else self.opened_at
        return Trade(
            pnl=self.pnl,
            size=size,
            holding_minutes=(ended - self.opened_at) / MINUTE,
            closed_at=self.closed_at,
            opened_at=self.decided_at,
            chain_id=self.chain_id,
        )


class Tape:
    """What one trader did and what followed. Invariant: `deals` are closed, oldest first."""

    __slots__ = (
        "alerts",
        "began_at",
        "deals",
        "half_life",
        "judged_at",
        "living",
        "multiplier",
        "paused_until",
        "profile",
    )

    def __init__(self) -> None:
        self.began_at = 0
        self.deals: list[Deal] = []
        self.living: dict[str, Deal] = {}
        self.alerts: tuple[BehaviorAlert, ...] = ()
        self.multiplier = 1.0
        self.judged_at = 0
        self.half_life = 1
        self.paused_until: int | None = None
        self.profile: TraderProfile | None = None

    def results(self) -> list[float]:
        """List what closed chains earned in multiples of the most each could lose, oldest first.

        Those that another configuration decided tell nothing of this one.
        """
        return [
            one.pnl / one.risk
            for one in self.deals
            if one.risk > 0 and one.decided_at >= self.began_at
        ]

    def scaled(self, at: int) -> float:
        """Tell the multiplier in force: what is missing to 1 halves every half-life."""
        missing = (1.0 - self.multiplier) * 0.5 ** ((at - self.judged_at) / self.half_life)
        return 1.0 if missing <= 1.0 - RECOVERED else 1.0 - missing

    def standing(self, at: int) -> tuple[BehaviorAlert, ...]:
        """List the alerts that still hold risk back."""
        return self.alerts if self.scaled(at) < 1.0 else ()

    def paused(self, at: int) -> bool:
        """Whether an alert forbids new trades now."""
        return self.paused_until is not None and at < self.paused_until

    def ends(self, deal: Deal) -> None:
        """Remember how a chain ended; the oldest is forgotten."""
        self.living.pop(deal.chain_id, None)
        self.deals.append(deal)
        del self.deals[:-DEALS_MAX]

    def judged(self, judged: BehaviorJudged, at: int) -> None:
        """Take what was found beside what still holds risk back; what costs nothing is no date."""
        kept = {one.type: one for one in self.standing(at)}
        self.alerts = tuple((kept | {one.type: one for one in judged.alerts}).values())
        if judged.multiplier < judged.before:
            self.multiplier, self.judged_at = judged.multiplier, at
            self.half_life = judged.half_life
        if judged.paused_until is not None:
            self.paused_until = judged.paused_until


class Conduct:
    """The tapes of all traders: `account` is the account as a whole, shadows are not part of it.

    Changed by the ledger alone, fact by fact.
    """

    __slots__ = ("account", "strategies")

    def __init__(self) -> None:
        self.account = Tape()
        self.strategies: dict[str, Tape] = {}

    def of(self, strategy: str | None) -> Tape:
        """Find the tape of a strategy, or of the account; an empty one where it never traded."""
        return self.account if strategy is None else self.strategies.get(strategy, Tape())

    def tapes(self) -> tuple[tuple[str | None, Tape], ...]:
        """List the tapes there are: the account's, then by strategy."""
        return ((None, self.account), *sorted(self.strategies.items()))

    def filled(self, chain: Chain, sequence: int) -> None:
        """Take a fill of a chain, after the chain did: the largest risk is its size."""
        for tape in self._tapes(chain):
            known = tape.living.get(chain.id)
            tape.living[chain.id] = Deal(
                chain_id=chain.id,
                opened_in=sequence if known is None else known.opened_in,
                decided_at=chain.approved_at,
                opened_at=chain.opened_at or chain.approved_at,
                asked=chain.asked,
                risk=max(chain.risk_share, 0.0 if known is None else known.risk),
            )

    def ended(self, chain: Chain, ended: ChainEnded, sequence: int, at: int) -> None:
        """Take the end of a chain that held something."""
        for tape in self._tapes(chain):
            deal = tape.living[chain.id]
            tape.ends(
                msgspec.structs.replace(deal, closed_in=sequence, closed_at=at, pnl=ended.pnl_pct)
            )

    def judged(self, judged: BehaviorJudged, at: int) -> None:
        """Take a judgment."""
        self._tape(judged.strategy).judged(judged, at)

    def profiled(self, profiles: Iterable[TraderProfile]) -> None:
        """Take what a night said of the types of traders."""
        for profile in profiles:
            self._tape(profile.strategy).profile = profile

    def reconfigured(self, strategy: str, at: int) -> None:
        """Begin the record of a strategy anew: it is another one from here on."""
        self._tape(strategy).began_at = at

    def resumed(self, strategy: str | None) -> None:
        """End the pause of one strategy, or every pause: a person takes it upon himself."""
        every = (self.account, *self.strategies.values())
        for tape in every if strategy is None else (self.of(strategy),):
            tape.paused_until = None

    def _tapes(self, chain: Chain) -> tuple[Tape, ...]:
        own = self._tape(chain.strategy)
        return (own, self.account) if chain.account == MAIN_ACCOUNT else (own,)

    def _tape(self, strategy: str | None) -> Tape:
        return self.account if strategy is None else self.strategies.setdefault(strategy, Tape())


def asked_share(approval: Approved) -> float:
    """Tell what an intent asked to risk, as a fraction of equity, whatever was allowed of it.

    Who asks for as much as allowed always asks for the limit of one trade. Two digits: what moves
    less is the market, not the trader.
    """
    amount = approval.intent.amount
    limits = (use.limit for use in approval.limits if use.rule == "per_trade_risk")
    share = next(limits, approval.max_loss.share)
    if amount is not None:
        share = approval.max_loss.share * amount / approval.amount
    return float(f"{share:.1e}")
