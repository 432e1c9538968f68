"""What exists before the first input: accounts, stages, what was left behind."""

from __future__ import annotations

import msgspec

from tests.builders import NOW, option
from tests.engine.books import CALL, INDEX, Story
from tests.engine.floor import BALANCES, VERTICAL, Floor, wish
from tests.engine.quotes import market_of, quote_of
from tests.engine.test_quoting import opened
from trader.domain.events import IndexPrice
from trader.domain.facts import AlertRaised, EpochOpened
from trader.domain.trading import Pricing
from trader.domain.units import HOUR, SECOND, from_atoms
from trader.engine.opening import assign_stages, open_market
from trader.engine.step import Step


def test_the_first_start_opens_the_account_and_a_shadow_per_strategy() -> None:
    """Each account starts with the configured balances; stages are journaled as configured."""
    floor = Floor(stages={"alpha": "PRODUCTION", "beta": "RESEARCH"})
    assert floor.told() == [
        "epoch 1",
        "account main",
        "account shadow:alpha",
        "account shadow:beta",
        "alpha at PRODUCTION by config",
        "beta at RESEARCH by config",
    ]
    for account in floor.engine.ledger.accounts.values():
        held = {currency: from_atoms(atoms) for currency, atoms in account.cash.items()}
        assert held == BALANCES


def test_trap_paper_balance_survives_a_restart() -> None:
    """A restart opens an epoch and nothing else: balances and stages are those of before."""
    floor = Floor()
    floor.trade(wish())
    cash = floor.cash()
    floor.told()
    floor.restart()
    assert floor.told() == ["epoch 2"]
    assert floor.cash() == cash


def test_other_configured_balances_are_ignored_and_said_so() -> None:
    """The journal's account stays; a warning tells the remedy."""
    floor = Floor()
    records = list(floor.records)
    floor.engine = floor.make_engine()
    for recorded in records:
        floor.engine.recover(recorded)
    last = floor.engine.ledger.epoch
    assert last is not None
    outcome = floor.engine.start(last, {"BTC": 1.0}, floor.at)
    assert [one.kind for one in outcome.alerts] == ["balances_ignored"]
    assert "--fresh" in outcome.alerts[0].text
    assert floor.cash() == 20 * 100_000_000


def test_a_changed_configuration_starts_at_research_again() -> None:
    """A stage belongs to name and hash; what rests ends, what is held is managed, shadow trades."""
    floor = Floor(stages={"alpha": "PRODUCTION"})
    chain = floor.trade(wish())
    floor.ask(wish(VERTICAL, pricing=Pricing(limit_net=-0.5, lifetime=HOUR)))
    floor.hashes["alpha"] = "v2"
    floor.told()
    floor.restart()
    assert floor.told() == ["epoch 2", "alpha at RESEARCH by config", "ended demoted"]
    floor.ask(wish(VERTICAL), wish(action="close", chain_id=chain.id))
    assert floor.told() == [
        "approved open 1 of alpha",
        "placed open 1 on shadow:alpha",
        "approved close 1 of alpha",
        "placed close 1 on main",
    ]
    floor.pass_time(SECOND)
    floor.restart()
    assert floor.engine.review.stage("alpha") == "RESEARCH"
    assert floor.audit() == ()


def test_the_chain_of_a_strategy_that_left_runs_to_its_end() -> None:
    """Its chain is named in a warning, keeps its stop and its settlement, and nobody adds to it."""
    floor = Floor(stages={"alpha": "PRODUCTION", "beta": "PRODUCTION"})
    chain = floor.trade(wish())
    floor.ask(wish(VERTICAL, pricing=Pricing(limit_net=-0.5, lifetime=HOUR)))
    del floor.stages["alpha"]
    floor.told()
    outcome = floor.restart()
    orphans = [one for one in outcome.facts if isinstance(one, AlertRaised)]
    assert [one.kind for one in orphans] == ["orphan_chain"]
    assert chain.id in orphans[0].text
    assert floor.told() == ["epoch 2", "ended demoted", "alert orphan_chain"]
    floor.ask(wish(strategy="beta", action="close", chain_id=chain.id), by="beta")
    floor.move(112_000.0)
    floor.pass_time(60 * SECOND)
    floor.pass_time(SECOND)
    assert floor.told()[-1] == "chain closed", "the stop loss still guards it"
    assert floor.audit() == ()


def test_an_epoch_of_sparse_quotes_states_when_they_are_stale() -> None:
    """Market seconds, whatever the speed; where nothing is stated the setting holds."""
    market = market_of(CALL, speed=1.0)
    plain = EpochOpened(
        epoch=1, feed="simulated", speed=300.0, market="m", software="0", configuration_hash="c"
    )
    open_market(market, plain)
    assert (market.speed, market.quote_age_s_max, market.assumed_sizes) == (300.0, 30.0, False)
    open_market(market, msgspec.structs.replace(plain, staleness_s=7_200.0, assumed_sizes=True))
    assert market.assumed_sizes
    assert market.quote(quote_of(CALL, NOW), NOW)
    for age, fresh in ((7_200, True), (7_201, False)):
        market.at = NOW + age * SECOND
        market.index_price(IndexPrice("BTC", INDEX, market.at), market.at)
        touch = market.touch(CALL.name)
        assert touch is not None
        assert touch.fresh is fresh


def test_a_wheel_that_nobody_configures_keeps_its_coin_and_says_so() -> None:
    """The alert names the command that ends it."""
    story = Story()
    story.trade(option("put", 87_500.0, inverse=False), -1.0, 900.0, delivery="spot")
    step = Step(lambda _: None, len(story.records), story.at)
    assign_stages(story.ledger, {}, step)
    (alert,) = [one for one in step.facts if isinstance(one, AlertRaised)]
    assert alert.text.endswith("coin it is assigned stays until `trader close`")


def test_a_session_of_a_strategy_that_left_quotes_no_more() -> None:
    """Though no order of it works: a flat session holds a reserve that nobody would free."""
    floor = Floor()
    opened(floor)
    floor.stages = {"beta": "PRODUCTION"}
    floor.restart()
    assert floor.chains() == []
    assert "withdrawn: not configured any more" in floor.told()
    assert floor.audit() == ()
