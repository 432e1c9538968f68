"""What every strategy must keep, built in or registered by others: one suite over all of them."""

from __future__ import annotations

import copy
import math
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.builders import (
    COLUMNS,
    INDEX,
    NOW,
    alter,
    at_eight,
    board,
    chain,
    hourly_bars,
    option,
    situation,
    trending_bars,
    working_order,
)
from tests.risk.scenes import GATE, view
from tests.strategies import perpetuals
from trader.domain.instruments import INVERSE_COINS, spot_pair
from trader.domain.market import Bars, Touch
from trader.domain.portfolio import Session
from trader.domain.situation import Perpetual
from trader.domain.trading import Approved
from trader.domain.units import DAY, HOUR, MINUTE
from trader.domain.valuation import option_payoff, trade_fee
from trader.strategies.covered_call import CoveredCall
from trader.strategies.registry import BUILT_IN
from trader.strategies.sketch import fictitious_perpetual
from trader.strategies.strategy import (
    ENTRY_POINT_GROUP,
    Cadence,
    Strategy,
    StrategyFile,
    boards_apart,
    build,
    perpetual_of,
    reads_board,
    trades_linear,
)
from trader.strategies.structure import tradable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tests.builders import Direction
    from trader.domain.instruments import OptionType
    from trader.domain.market import Board
    from trader.domain.portfolio import ChainView, WorkingOrder
    from trader.domain.situation import Situation
    from trader.domain.trading import Intent
    from trader.risk.gate import GateView

CONFIG = Path(__file__).parents[2] / "config"
TIMETABLE = Cadence(2 * HOUR, 0, 5 * MINUTE)
NO_BARS = Bars((), (), (), (), ())
DIRECTIONS: tuple[Direction, ...] = ("up", "down", "flat")
DAYS = (1, 2, 7)
CONTRACTS: tuple[tuple[OptionType, float, int], ...] = (
    ("call", 1.02, 1), ("put", 0.98, 2), ("put", 0.96, 2), ("put", 0.5, 0),
)  # fmt: skip
ABSURD = (math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-300, 1e300)


def every_strategy() -> dict[str, Strategy]:
    """Build every kind with its defaults on both coins, and every file we ship."""
    foreign = [one.load() for one in entry_points(group=ENTRY_POINT_GROUP)]
    kinds: dict[str, type[Strategy]] = {kind.kind: kind for kind in (*BUILT_IN, *foreign)}
    built: dict[str, Strategy] = {}
    for kind in kinds.values():
        for coin in INVERSE_COINS:
            built[f"{kind.kind}-{coin}-defaults"] = kind(
                name=kind.kind, underlying=coin, settings=kind.Settings(), timetable=TIMETABLE
            )
    for path in sorted(CONFIG.glob("**/strategies/*.toml")):
        file = StrategyFile.model_validate(tomllib.loads(path.read_text()))
        built[f"{path.parts[-3]}-{path.stem}"] = build(kinds[file.kind], file)
    return built


STRATEGIES = every_strategy()
over_all = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
ON_BOARDS = {name: one for name, one in STRATEGIES.items() if reads_board(one)}
ON_PERPETUALS = {name: one for name, one in STRATEGIES.items() if not reads_board(one)}
over_boards = pytest.mark.parametrize("strategy", ON_BOARDS.values(), ids=ON_BOARDS)
over_perpetuals = pytest.mark.parametrize("strategy", ON_PERPETUALS.values(), ids=ON_PERPETUALS)


def scenes(strategy: Strategy) -> list[Situation]:
    """Show a healthy market in every direction, idle and with a chain that won, lost or waits."""
    if not reads_board(strategy):
        return perpetuals.scenes(strategy)
    market = shown_to(strategy, days=DAYS)
    chains, orders = held(strategy)
    wild = hourly_bars([market.index * (1 + 0.01 * (hour % 2)) for hour in range(200)])
    shown = [seen(strategy, market, bars=wild)]
    for direction in DIRECTIONS:
        bars = trending_bars(direction, index=market.index)
        shown.append(seen(strategy, market, bars=bars))
        for one in chains:
            shown.append(seen(strategy, market, bars=bars, chains=(one,)))
            shown.append(seen(strategy, market, bars=bars, chains=(one,), orders=orders))
            shown.append(seen(strategy, market, bars=bars, chains=(one,), occasion="manage"))
    return shown


def seen(strategy: Strategy, market: Board, **changes: Any) -> Situation:
    """Show a strategy a board, and the perpetual beside it that it trades."""
    shown = situation(market, **changes)
    if perpetual_of(strategy) is None:
        return shown
    touch = perpetuals.touch_of(fictitious_perpetual(strategy.underlying), market.index)
    beside = Perpetual(touch=touch, history=lambda: NO_BARS, left_at={}, drawdown=0.0)
    return msgspec.structs.replace(shown, perpetuals={strategy.underlying: beside})


def shown_to(strategy: Strategy, **changes: Any) -> Board:
    """Quote the board that a strategy reads."""
    return board(strategy.underlying, inverse=not trades_linear(strategy), **changes)


def held(strategy: Strategy) -> tuple[tuple[ChainView, ...], tuple[WorkingOrder, ...]]:
    """Hold a call and a spread, each sold dear (a winner by now) or cheap (a loser); of linear
    ones also a put, and coin that is young, covered, or held for longer than anybody wants.
    """
    underlying, linear = strategy.underlying, trades_linear(strategy)
    index = INDEX[underlying]
    call, short, long, gone = (
        option(kind, index * moneyness, at_eight(days), underlying, inverse=not linear)
        for kind, moneyness, days in CONTRACTS
    )
    unit = index if linear else 1.0
    chains = (
        chain((call, -1.0, 0.02 * unit)),
        chain((call, -1.0, 0.0005 * unit)),
        chain((short, -2.0, 0.02 * unit), (long, 2.0, 0.001 * unit), units=2.0),
        chain((short, -1.0, 0.002 * unit), (long, 1.0, 0.001 * unit)),
        chain((gone, -1.0, 0.002 * unit)),
        chain((call, -1.0, 0.02 * unit), state="pending_settlement"),
        chain(state="working", units=0.0),
    )
    coin = (spot_pair(underlying), 1.0, index)
    wheels = (
        chain((short, -1.0, 0.02 * unit)),
        chain(coin),
        chain(coin, (call, -1.0, 0.02 * unit)),
        chain(coin, approved_at=NOW - 10_000 * DAY),
    )
    straddle = [
        option(side, index, at_eight(7), underlying, inverse=not linear) for side in ("put", "call")
    ]
    below = [
        option(side, index * 0.97, at_eight(7), underlying, inverse=not linear)
        for side in ("put", "call")
    ]
    perpetual = fictitious_perpetual(underlying)
    debits = (
        chain(*((one, 2.0, 0.03 * unit) for one in straddle), units=2.0),
        chain(*((one, 2.0, 0.01 * unit) for one in straddle), units=2.0),
        chain(*((one, 2.0, 0.09 * unit) for one in straddle), units=2.0),
        chain(*((one, 2.0, 0.04 * unit) for one in below), units=2.0),
    )
    hedged = (
        chain(
            *((one, 2.0, 0.03 * unit) for one in straddle), (perpetual, -index, index), units=2.0
        ),
        chain((perpetual, -index, index), units=2.0),
    )
    terms = Session(instrument=short, inventory_max=2.0, follow_after=5 * MINUTE)
    done = msgspec.structs.replace(terms, withdrawn="it is over")
    quoted = tuple(
        msgspec.structs.replace(one, session=session)
        for one, session in (
            (chain(state="working", units=0.0, approved_at=NOW), terms),
            (chain((short, 1.0, 0.002 * unit), approved_at=NOW), terms),
            (chain((short, -2.0, 0.002 * unit), units=2.0, approved_at=NOW), terms),
            (chain((short, -1.0, 0.002 * unit), approved_at=NOW - 10 * DAY), terms),
            (chain((short, -1.0, 0.002 * unit)), done),
        )
    )
    whole = chains + debits + wheels * linear + hedged * (perpetual_of(strategy) is not None)
    whole += quoted * (boards_apart(strategy) is not None)
    return whole, (working_order("close"),)


def asked(strategy: Strategy, shown: Situation) -> tuple[Intent, ...]:
    """Ask, and check what holds of every answer."""
    intents = strategy.propose(shown)
    assert isinstance(intents, tuple)
    for intent in intents:
        well_formed(strategy, intent, shown)
    return intents


def well_formed(strategy: Strategy, intent: Intent, shown: Situation) -> None:
    """Check one intent against the situation it came from."""
    assert intent.strategy == strategy.name
    assert intent.underlying == strategy.underlying
    assert intent.reason
    assert len(intent.reason) <= 200
    assert intent.legs
    assert len({leg.instrument for leg in intent.legs}) == len(intent.legs)
    assert 0 <= intent.confidence <= 1
    pricing = intent.pricing
    assert 0 <= pricing.patience <= pricing.lifetime
    assert pricing.lifetime > 0
    for net in (pricing.limit_net, pricing.worst_net):
        assert net is None or math.isfinite(net)
    if pricing.limit_net is not None and pricing.worst_net is not None:
        assert pricing.limit_net <= pricing.worst_net
    if intent.action == "open":
        opens_well(strategy, intent, shown)
    else:
        chains = {one.chain_id: one for one in shown.chains}
        assert intent.chain_id in chains
        names = {one.instrument.name for one in chains[intent.chain_id].positions}
        legs = {leg.instrument for leg in intent.legs}
        if intent.action in ("quote", "withdraw"):
            quotes_well(intent, chains[intent.chain_id], shown)
        elif intent.action == "roll":
            rolls_well(intent, {name for name in names if "-" in name}, shown)
        elif reads_board(strategy) and legs == {perpetual_of(strategy)}:
            hedges_well(intent, chains[intent.chain_id], shown)
        elif intent.action == "hedge":
            rolls_well(intent, set(), shown)
            assert not legs & names
        else:
            assert legs <= names
            for left in names - legs:
                is_left_to_expire(left, chains[intent.chain_id], shown)


def rolls_well(intent: Intent, held: set[str], shown: Situation) -> None:
    """Check a roll: into other, later contracts whose quotes may be used."""
    usable = tradable(shown.board, np.arange(len(shown.board)))
    for leg in intent.legs:
        row = shown.board.row(leg.instrument)
        assert row is not None
        assert leg.instrument not in held
        assert usable[row]
        assert all(
            shown.board.expires_at[row] > shown.board.expires_at[old]
            for old in rows_of(held, shown)
        )


def quotes_well(intent: Intent, held: ChainView, shown: Situation) -> None:
    """Check what is done with a session: its own contract, on a fresh quote, within its most."""
    assert held.session is not None
    assert held.session.quotes
    assert [leg.instrument for leg in intent.legs] == [held.session.instrument.name]
    if intent.action == "withdraw" or intent.withheld is not None:
        return
    row = shown.board.row(intent.legs[0].instrument)
    assert row is not None
    assert shown.board.fresh[row]
    assert intent.amount is not None
    assert intent.amount >= held.session.instrument.min_trade_amount
    after = sum(one.amount for one in held.positions) + intent.legs[0].ratio * intent.amount
    assert abs(after) <= held.session.inventory_max + 1e-9


def is_left_to_expire(name: str, held: ChainView, shown: Situation) -> None:
    """Check what a close leaves: bought, without a bid, worth no more than two ticks."""
    (amount,) = (one.amount for one in held.positions if one.instrument.name == name)
    row = shown.board.row(name)
    assert row is not None
    assert amount > 0
    assert not (shown.board.bid[row] > 0 and shown.board.bid_amount[row] > 0)
    assert shown.board.mark[row] <= 2 * shown.board.instruments[row].tick_size


def hedges_well(intent: Intent, held: ChainView, shown: Situation) -> None:
    """Check what is done with a perpetual beside options: a fresh quote, a size, a way back."""
    assert shown.perpetual is not None
    assert shown.perpetual.touch is not None
    assert shown.perpetual.touch.fresh
    if intent.action == "hedge":
        assert intent.amount is not None
        assert intent.amount >= shown.perpetual.touch.instrument.min_trade_amount
    else:
        assert {one.instrument.kind for one in held.positions} == {"perpetual"}


def rows_of(names: set[str], shown: Situation) -> list[int]:
    """Find contracts on the board; those that are not there are left out."""
    found = (shown.board.row(name) for name in sorted(names))
    return [row for row in found if row is not None]


def opens_well(strategy: Strategy, intent: Intent, shown: Situation) -> None:
    """Check an opening: on cadence, on fresh two-sided quotes, defined, honestly confident."""
    assert shown.occasion == "open"
    assert intent.chain_id is None
    if not reads_board(strategy):
        if intent.withheld is None:
            buys_well(intent, shown.perpetuals[intent.underlying])
        return
    usable = tradable(shown.board, np.arange(len(shown.board)))
    rows = [shown.board.row(leg.instrument) for leg in intent.legs]
    for row in rows:
        assert row is not None
        assert usable[row]
        assert shown.board.expires_at[row] > shown.at
    assert intent.pricing.limit_net is not None
    deltas = [
        float(shown.board.delta[row])
        for row, leg in zip(rows, intent.legs, strict=True)
        if row is not None and leg.ratio < 0
    ]
    if len(deltas) == 1:
        assert intent.confidence == pytest.approx(1 - abs(deltas[0]))


def buys_well(intent: Intent, shown: Perpetual) -> None:
    """Check an opening of a perpetual: on a fresh quote, with a stop before it is met."""
    assert shown.touch is not None
    assert shown.touch.fresh
    assert shown.touch.two_sided
    assert [leg.instrument for leg in intent.legs] == [shown.touch.instrument.name]
    assert intent.stop is not None
    assert intent.stop.price < shown.touch.bid
    assert intent.tag


@over_all
def test_finds_something_to_open(strategy: Strategy) -> None:
    """On a healthy board, in one direction or another, it opens: the other tests are not empty."""
    opened = [one for shown in scenes(strategy) for one in asked(strategy, shown)]
    assert any(one.action == "open" for one in opened)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name.endswith("defaults")])
def test_finds_something_to_close(name: str) -> None:
    """By default every kind knows an exit; a file may choose to hold to settlement."""
    strategy = STRATEGIES[name]
    proposed = [one for shown in scenes(strategy) for one in asked(strategy, shown)]
    assert any(one.action == "close" for one in proposed)


@over_all
def test_is_a_pure_function_of_the_situation(strategy: Strategy) -> None:
    """Asked twice, in any order, by any copy: equal intents, and nothing in it has changed.

    The builders' arrays are read-only, so writing into the situation fails too.
    """
    before = copy.deepcopy(vars(strategy))
    shown = scenes(strategy)
    first = [asked(strategy, one) for one in shown]
    backwards = [asked(strategy, one) for one in reversed(shown)]
    assert first == backwards[::-1]
    assert first == [asked(copy.deepcopy(strategy), one) for one in shown]
    assert vars(strategy) == before


@over_all
def test_never_opens_while_managing(strategy: Strategy) -> None:
    """At "manage" only chains are acted on."""
    for shown in scenes(strategy):
        managing = msgspec.structs.replace(shown, occasion="manage")
        assert all(one.action != "open" for one in asked(strategy, managing))


@over_boards
@pytest.mark.parametrize("column", COLUMNS)
def test_survives_a_poisoned_column(strategy: Strategy, column: str) -> None:
    """NaN, infinity, zero or a negative number in a whole column never raises."""
    market = shown_to(strategy, days=DAYS)
    chains, orders = held(strategy)
    bars = trending_bars("up", index=market.index)
    for poison in ABSURD:
        broken = alter(market, {column: False if column == "fresh" else poison})
        asked(strategy, seen(strategy, broken, bars=bars))
        for one in chains:
            asked(strategy, seen(strategy, broken, bars=bars, chains=(one,)))
            asked(strategy, seen(strategy, broken, bars=bars, chains=(one,), orders=orders))


@over_boards
@hypothesis_settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_survives_scattered_damage(strategy: Strategy, seed: int, share: float) -> None:
    """Any mixture of missing, stale, crossed and absurd quotes gives well-formed intents."""
    rng = np.random.default_rng(seed)
    market = shown_to(strategy, days=DAYS)
    damage: dict[str, ArrayLike] = {}
    for column in COLUMNS[:-1]:
        values = getattr(market, column).copy()
        hit = rng.random(len(values)) < share / 4
        values[hit] = rng.choice(
            [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-300, 1e300], hit.sum()
        )
        damage[column] = values
    damage["fresh"] = rng.random(len(market)) >= share / 4
    broken = alter(market, damage)
    chains, orders = held(strategy)
    for direction in DIRECTIONS:
        bars = trending_bars(direction, index=market.index)
        asked(strategy, seen(strategy, broken, bars=bars, chains=chains[:1], orders=orders))
        asked(strategy, seen(strategy, broken, bars=bars, chains=chains[2:3]))


@over_boards
def test_survives_what_a_market_can_be(strategy: Strategy) -> None:
    """Empty, stale, one-sided or expired boards and a penniless account open nothing on faith."""
    market = shown_to(strategy, days=DAYS)
    up = trending_bars("up", index=market.index)
    for broken in (
        shown_to(strategy, days=()),
        shown_to(strategy, at=at_eight(14), days=(1, 2, 14)),
        alter(market, {"fresh": False}),
        alter(market, {"bid": math.nan, "bid_amount": math.nan}),
        alter(market, {"ask": math.nan, "ask_amount": math.nan}),
        alter(market, dict.fromkeys(COLUMNS[:-1], math.nan)),
    ):
        chains, orders = held(strategy)
        for one in chains:
            intents = asked(strategy, seen(strategy, broken, bars=up, chains=(one,), orders=orders))
            assert all(intent.action != "open" for intent in intents)
    asked(strategy, seen(strategy, market, bars=NO_BARS, equity_usd=0.0))
    asked(strategy, seen(strategy, market, bars=up, equity_usd=math.nan))
    asked(strategy, seen(strategy, market, bars=hourly_bars([math.nan] * 300)))


@over_perpetuals
@pytest.mark.parametrize("field", ["bid", "bid_amount", "ask", "ask_amount", "mark", "fresh"])
def test_survives_a_poisoned_quote(strategy: Strategy, field: str) -> None:
    """Whatever a perpetual shows, nothing raises and nothing opens on faith."""
    for one in perpetuals.scenes(strategy):
        ((coin, seen),) = one.perpetuals.items()
        assert seen.touch is not None
        for poison in (False,) if field == "fresh" else ABSURD:
            touch = msgspec.structs.replace(seen.touch, **{field: poison})
            wrong = msgspec.structs.replace(seen, touch=touch)
            asked(strategy, msgspec.structs.replace(one, perpetuals={coin: wrong}))
        unlisted = msgspec.structs.replace(seen, touch=None)
        for none in ({coin: unlisted}, {}):
            assert asked(strategy, msgspec.structs.replace(one, perpetuals=none)) == ()


@over_perpetuals
def test_survives_poor_accounts_and_poisoned_bars(strategy: Strategy) -> None:
    """No equity, or bars that are none, open nothing."""
    for one in perpetuals.scenes(strategy):
        for equity in (0.0, -1.0, math.nan, math.inf):
            poor = msgspec.structs.replace(one, equity_usd=equity)
            assert all(intent.action != "open" for intent in asked(strategy, poor))
        ((coin, seen),) = one.perpetuals.items()
        bars = hourly_bars([math.nan] * 300, one.at)
        blind = msgspec.structs.replace(seen, history=lambda bars=bars: bars)
        shown = msgspec.structs.replace(one, perpetuals={coin: blind})
        assert all(intent.action != "open" for intent in asked(strategy, shown))


@over_boards
def test_the_gate_can_size_what_it_opens(strategy: Strategy) -> None:
    """The gate finds a max loss for every opening, and nothing at expiry loses more than that."""
    opened = [
        (one, shown)
        for shown in scenes(strategy)
        for one in asked(strategy, shown)
        if one.action == "open" and not shown.chains
    ]
    assert opened
    for intent, shown in opened:
        verdict = GATE.judge(intent, gate_view(intent, shown), "V1-0")
        assert isinstance(verdict, Approved), verdict
        loss, amount = verdict.max_loss, verdict.amount
        for spot in np.geomspace(loss.stress_low or 1.0, loss.stress_high, 997).tolist():
            usd, coin = lost_at(spot, intent, shown)
            assert usd * amount <= loss.usd + 1e-6
            assert coin * amount <= loss.coin + 1e-9


def gate_view(intent: Intent, shown: Situation) -> GateView:
    """Show the gate a rich account, and the touches of the legs as the board has them."""
    market = shown.board
    touches = {}
    for leg in intent.legs:
        row = market.row(leg.instrument)
        assert row is not None
        bid, size, ask, asked_size, mark, vol, forward = (
            float(getattr(market, column)[row]) for column in COLUMNS[:-2]
        )
        touches[leg.instrument] = Touch(
            market.instruments[row], bid, size, ask, asked_size, mark, vol, forward,
            market.index, fresh=True, age_s=1.0,
        )  # fmt: skip
    coins = {shown.board.underlying: 1_000.0, "USDC": 50_000_000.0}
    return view(
        at=shown.at, index=shown.index, equity_usd=shown.equity_usd, touches=touches,
        free_coins=coins, margin_balance=coins,
    )  # fmt: skip


def lost_at(spot: float, intent: Intent, shown: Situation) -> tuple[float, float]:
    """Settle one unit at a price: what is lost in USD and in coin, premium and opening fees paid.

    Later expiries are worth what exercising them would bring.
    """
    paid = back = 0.0
    inverse = True
    for leg in intent.legs:
        row = shown.board.row(leg.instrument)
        assert row is not None
        one = shown.board.instruments[row]
        price = float((shown.board.ask if leg.ratio > 0 else shown.board.bid)[row])
        paid += leg.ratio * price + trade_fee(one, leg.ratio, price, shown.index)
        back += leg.ratio * option_payoff(one, spot)
        inverse = one.inverse
    usd = paid * shown.index - back * spot if inverse else paid - back
    return usd, (paid - back if inverse else usd / shown.index)


@over_all
def test_cadence_is_possible(strategy: Strategy) -> None:
    """It says when to be asked, the same each time."""
    cadence = strategy.cadence()
    assert cadence == strategy.cadence()
    assert cadence.next_due(NOW) > NOW
    assert cadence.manage_every <= cadence.every


@over_all
def test_parameter_space_is_made_of_its_settings(strategy: Strategy) -> None:
    """Studies may try every value alone: known fields, ascending, valid, today's among them."""
    fields = strategy.settings.model_dump()
    space = strategy.parameter_space()
    assert len(space) >= 2
    for name, values in space.items():
        assert fields[name] in values
        assert list(values) == sorted(set(values))
        for value in values:
            settings = strategy.Settings.model_validate(fields | {name: value})
            assert getattr(settings, name) == value


@over_all
def test_sketch_is_a_priced_structure(strategy: Strategy) -> None:
    """Its typical structure can be priced and judged without a market; a bad index is refused."""
    index = INDEX[strategy.underlying]
    legs = strategy.sketch(index, 0.55, NOW)
    assert legs == strategy.sketch(index, 0.55, NOW)
    for leg in legs:
        assert leg.instrument.underlying == strategy.underlying
        assert leg.ratio != 0
        assert leg.iv == 0.55
        if leg.stop is not None:
            assert leg.price == index > leg.stop.price
            continue
        assert (leg.instrument.expires_at or 0) > NOW
        assert 0 < leg.price < (index if trades_linear(strategy) else 1)
    for wrong in (math.nan, math.inf, 0.0, -1.0):
        with pytest.raises(ValueError, match="index"):
            strategy.sketch(wrong, 0.55, NOW)


def journey(strategy: Strategy, poisoned_after: int) -> list[Situation]:
    """Show a day of hourly decisions on a rising BTC and another on a wild one, hour by hour;
    what lies after an hour is NaN.

    Every situation carries the bars of the whole day, as a careless caller might hand them over:
    whoever reads past its own `at` reads the poison, or the future.
    """
    rising = _day(strategy, poisoned_after, 0.0008, 0.004)
    wild = _day(strategy, poisoned_after, 0.0, 0.009)
    return [one for both in zip(rising, wild, strict=True) for one in both]


def _day(strategy: Strategy, poisoned_after: int, drift: float, noise: float) -> list[Situation]:
    inverse = not trades_linear(strategy)
    steps = np.random.default_rng(11).normal(0.0, noise, 300)
    closes = np.exp(np.cumsum(steps - steps.mean() + drift))
    closes *= INDEX["BTC"] / closes[-25]
    known = closes.copy()
    known[len(known) - 24 + poisoned_after :] = math.nan
    bars = hourly_bars(known.tolist(), NOW + 24 * HOUR)
    shown = []
    for hour in range(24):
        at = NOW + hour * HOUR
        market = board(at=at, index=float(closes[hour - 25]), days=DAYS, inverse=inverse)
        if hour > poisoned_after:
            market = alter(market, dict.fromkeys(COLUMNS[:-1], math.nan))
        shown.append(seen(strategy, market, bars=bars))
    return shown


def sees_the_future(strategy: Strategy) -> bool:
    """Whether decisions up to an hour depend on what comes after it."""
    whole = [strategy.propose(one) for one in journey(strategy, 24)]
    cut = [strategy.propose(one) for one in journey(strategy, 12)]
    return whole[: 2 * 13] != cut[: 2 * 13]


@pytest.mark.parametrize("name", [name for name in ON_BOARDS if "btc" in name.lower()])
def test_decisions_do_not_change_with_the_future(name: str) -> None:
    """Poisoning everything after an hour leaves every decision up to that hour as it was."""
    strategy = STRATEGIES[name]
    shown = journey(strategy, 24)
    assert any(strategy.propose(one) for one in shown[: 2 * 13])
    assert not sees_the_future(strategy)


def test_a_peeking_strategy_is_caught() -> None:
    """A strategy that reads the bars' last close, whenever that is, fails the poison test."""

    class Peeking(CoveredCall):
        kind: ClassVar[str] = "peeking"

        def propose(self, situation: Situation) -> tuple[Intent, ...]:
            rising = situation.bars.close[-1] > situation.index
            return super().propose(situation) if rising else ()

    peeking = Peeking(
        name="peeking",
        underlying="BTC",
        settings=CoveredCall.Settings(),  # type: ignore[arg-type]
        timetable=Cadence(HOUR, 0, 5 * MINUTE),
    )
    assert sees_the_future(peeking)
