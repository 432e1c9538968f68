"""What must exist before the first input? Accounts and stages, as configured or as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trader.domain.events import StageChanged
from trader.domain.facts import MAIN_ACCOUNT, SHADOW_PREFIX, AccountOpened, AlertRaised
from trader.domain.units import to_atoms
from trader.engine.housekeeping import stop_opening

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.domain.facts import EpochOpened
    from trader.engine.ledger import Ledger
    from trader.engine.market_state import MarketState
    from trader.engine.review import Slot
    from trader.engine.step import Step


def open_market(market: MarketState, epoch: EpochOpened) -> None:
    """Take the clock of an epoch, and what its market says of its quotes."""
    market.speed = epoch.speed
    market.assumed_sizes = epoch.assumed_sizes
    if epoch.staleness_s is not None:
        market.quote_age_s_max = epoch.staleness_s / epoch.speed


def open_accounts(
    ledger: Ledger, slots: Mapping[str, Slot], balances: Mapping[str, float], step: Step
) -> None:
    """Open the account and one shadow account per strategy; what exists stays as it is."""
    wanted = {currency: to_atoms(amount) for currency, amount in sorted(balances.items())}
    for name in (MAIN_ACCOUNT, *(SHADOW_PREFIX + slot for slot in slots)):
        account = ledger.accounts.get(name)
        if account is None:
            step.record(AccountOpened(name, wanted))
        elif name == MAIN_ACCOUNT and account.opening != wanted:
            text = "the configured balances differ from the journal's, which stay: use --fresh"
            step.record(AlertRaised(kind="balances_ignored", severity="warning", text=text))


def assign_stages(ledger: Ledger, slots: Mapping[str, Slot], step: Step) -> None:
    """Give new strategies their configured stage; changed ones start again below.

    What a changed or absent strategy still wanted to open ends; what it holds is managed.
    """
    for name, slot in slots.items():
        known = ledger.stages.get(name)
        if known is None:
            reason = "first seen: initial stage of the configuration"
            step.record(
                StageChanged(name, slot.initial_stage, "config", reason, slot.configuration_hash)
            )
        elif known.configuration_hash != slot.configuration_hash:
            reason = (
                f"configuration or code changed: {known.stage} was for {known.configuration_hash}"
            )
            step.record(
                StageChanged(name, slot.cap_on_change, "config", reason, slot.configuration_hash)
            )
            stop_opening(ledger, step, "demoted", "made by another configuration", strategy=name)
    wanting = [book.order.strategy for book in ledger.orders.values()]
    wanting += [chain.strategy for chain in ledger.chains.values() if chain.quotes]
    for strategy in dict.fromkeys(wanting):
        if strategy not in slots:
            stop_opening(ledger, step, "demoted", "not configured any more", strategy=strategy)
    for chain in ledger.chains.values():
        if chain.strategy not in slots:
            coin = "; coin it is assigned stays until `trader close`"
            text = (
                f"chain {chain.id} of {chain.strategy}, which is not configured: it runs to its end"
                f"{coin if chain.delivery == 'spot' else ''}"
            )
            step.record(AlertRaised(kind="orphan_chain", severity="warning", text=text))
