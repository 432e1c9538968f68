"""Can it ever trade? The equity one lot needs, against the gate's own arithmetic."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import STRATEGY, write_configuration
from tests.source import ROOT
from tests.strategies.policies import policy
from trader.app.config_check import StrategyNeed, account_equity_usd, needs_as_text, strategy_needs
from trader.app.configuration import Configuration, load_configuration
from trader.domain.errors import ConfigurationError
from trader.strategies.fitted_policy import policy_json


def configured(folder: Path, *assignments: str) -> Configuration:
    """Load a configuration with one covered call on BTC."""
    return load_configuration([write_configuration(folder)], assignments, {})


def need(folder: Path, *assignments: str) -> StrategyNeed:
    """Ask for its one need."""
    (only,) = strategy_needs(configured(folder, *assignments))
    return only


def test_equity_is_valued_at_the_assumed_indices(tmp_path: Path) -> None:
    """20 BTC at 100,000, 300 ETH at 3,500 and a million dollars are 4.05 million."""
    assert account_equity_usd(configured(tmp_path).settings) == pytest.approx(4_050_000)


def test_one_lot_needs_its_loss_over_the_limit(tmp_path: Path) -> None:
    """The equity needed is the worse of USD and coin loss of one lot, divided by 1 %."""
    asked = need(tmp_path)
    worse = max(asked.lot_loss_usd, asked.lot_loss_coin * 100_000)
    assert asked.lot == 0.1
    assert [stage.equity_needed_usd for stage in asked.stages] == pytest.approx(
        [worse / 0.01] * 3, abs=1
    )


def test_exactly_that_equity_trades_one_lot_and_a_dollar_less_does_not(tmp_path: Path) -> None:
    """The printed number is the true threshold of the gate."""
    needed = need(tmp_path).stages[0].equity_needed_usd
    rest = needed - 0.1 * 100_000
    enough = need(tmp_path, f"account.balances={{BTC = 0.1, USDC = {rest + 1}}}")
    short = need(tmp_path, f"account.balances={{BTC = 0.1, USDC = {rest - 1}}}")
    assert [stage.amount for stage in enough.stages] == [0.1, 0.1, 0.1]
    assert [stage.amount for stage in short.stages] == [0.0, 0.0, 0.0]
    assert (enough.tradable, short.tradable) == (True, False)


def test_pilot_trades_a_quarter_or_one_lot(tmp_path: Path) -> None:
    """PRODUCTION and RESEARCH take the full size, PILOT a quarter of it rounded down to lots."""
    sizes = {stage.stage: stage.amount for stage in need(tmp_path).stages}
    assert sizes["PRODUCTION"] == sizes["RESEARCH"] > 0.4
    assert sizes["PILOT"] == pytest.approx(sizes["PRODUCTION"] * 0.25, abs=0.1)
    assert sizes["PILOT"] <= sizes["PRODUCTION"] * 0.25


def test_a_call_without_its_coin_can_never_be_sold(tmp_path: Path) -> None:
    """However rich the account: no BTC, no covered call."""
    poor = need(tmp_path, "account.balances={USDC = 1000000000.0}")
    assert (poor.coins_needed, poor.coins, poor.tradable) == (0.1, 0.0, False)


def test_a_missing_assumption_is_a_mistake(tmp_path: Path) -> None:
    """A coin without an assumed index or volatility is asked for by key."""
    with pytest.raises(ConfigurationError, match=r"assumptions\.index\.ETH = null: is missing"):
        strategy_needs(configured(tmp_path, "assumptions.index={BTC = 100000.0}"))
    with pytest.raises(ConfigurationError, match=r"assumptions\.iv\.BTC = null: is missing"):
        strategy_needs(configured(tmp_path, "assumptions.iv={ETH = 0.6}"))


def test_the_text_states_its_assumptions(tmp_path: Path) -> None:
    """What was assumed stands above the answer, so that it can be doubted."""
    configuration = configured(tmp_path)
    text = needs_as_text(configuration, strategy_needs(configuration))
    for part in (
        "BTC index 100,000 USD, iv 45%",
        "spread 5% of the price, at least 2 ticks",
        "account 4,050,000 USD",
        "1.00% of equity per trade",
        "one lot is covered by 0.1 BTC; the account holds 20",
        "equity for one lot",
    ):
        assert part in text


def test_a_policy_is_told_with_what_it_proves(tmp_path: Path) -> None:
    """Until when it learned, and its evidence; of others nothing is said."""
    path = write_configuration(tmp_path)
    file = tmp_path / "strategies" / "asking.toml"
    (file.parent / "policy.json").write_text(policy_json(policy()))
    file.write_text(STRATEGY.format(name="asking") + '[parameters]\npolicy = "policy.json"\n')
    configuration = load_configuration([path], (), {})
    needs = {one.strategy: one for one in strategy_needs(configuration)}
    told = "learned until 2022-06-03, no evidence of an advantage"
    assert (needs["asking"].policy, needs["covered_call_btc"].policy) == (told, None)
    assert needs_as_text(configuration, list(needs.values())).count(f"asks a policy: {told}") == 1
    assert needs["asking"].as_dict()["policy"] == told


@pytest.mark.parametrize("name", ["trader.toml", "demo.toml", "wheel.toml", "trend.toml"])
def test_every_shipped_strategy_can_trade_with_the_account_beside_it(name: str) -> None:
    """At the assumed market, at every stage."""
    needs = strategy_needs(load_configuration([ROOT / "config" / name], environment={}))
    assert needs
    assert all(stage.amount > 0 for need in needs for stage in need.stages)


def test_a_wheel_needs_the_dollars_its_coin_may_cost() -> None:
    """A lot of .01 may cost 1,000 USDC: coins enough for the risk do not replace them."""
    shipped = ROOT / "config" / "wheel.toml"
    for dollars, tradable in ((100_000.0, True), (999.0, False)):
        chosen = [f"account.balances={{BTC = 20.0, USDC = {dollars}}}"]
        configuration = load_configuration([shipped], chosen, environment={})
        (wheel,) = strategy_needs(configuration)
        assert (wheel.dollars_needed, wheel.coins_needed) == (1_000.0, 0.0)
        assert wheel.tradable == tradable
        text = needs_as_text(configuration, [wheel])
        assert ("CAN NEVER TRADE" in text) != tradable
        assert (
            f"may have to pay 1,000.00 USDC for its coin; the account holds {dollars:,.0f}" in text
        )
