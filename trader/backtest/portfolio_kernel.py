"""What happens at one instant after the other? The rules of the portfolio as loops over arrays.

All of it is compiled (`pricing.jit`), so this module is imported late, and stands alone: numba
looks for changes in the module of the compiled function only. Sums run in the order in which
positions were opened, on one thread: the bits are the same everywhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from trader.pricing.jit import compiled, compiled_sums

if TYPE_CHECKING:
    from trader.backtest.portfolio_layout import Records, Run
    from trader.domain.market import Floats

PULLBACK, TREND = range(2)
ENTRY, STOP, PARTIAL, PYRAMID, TIME_EXIT, FINAL_EXIT = range(6)
(
    RANKING_OR_FILTER, SCORE_FLOOR, MAX_POSITIONS, EXISTING_SAME_SLEEVE_SYMBOL, EXISTING_SYMBOL,
    STRATEGY_POSITION_CAP, COOLDOWN, CORRELATION_GATE, INVALID_RISK, SIZE_ZERO,
    STRATEGY_NOTIONAL_BUDGET, STRATEGY_RISK_BUDGET, PORTFOLIO_RISK_BUDGET, GROSS_EXPOSURE, TAKEN,
) = range(15)  # fmt: skip
CASH, PEAK = range(2)
HELD, TRADES, EVENTS = range(3)
EQUITY, RISK, NOTIONAL, MY_RISK, MY_NOTIONAL = range(5)
ALL: Final = -1
SHARED_MIN: Final = 20  # bars two symbols must share before their correlation counts
HUNGRY_CORRELATION: Final = 0.97  # up to which a pullback sleeve below its minimum enters
PARTIAL_R: Final = 2.2
RSI_EXIT: Final = 62.0
UNIT_RISK_MIN: Final = 0.0015
NAN: Final = math.nan


@compiled
def walk(run: Run, begin: int) -> int:
    """Walk from instant number `begin` on, as long as `events` has room for one more instant.

    Return the number of the instant to go on with: past the last one when all is closed.
    """
    for number in range(begin, len(run.times) + 1):
        if run.tally[EVENTS] + run.room > len(run.events):
            return number
        if number == len(run.times):
            break
        wanted = 0
        for symbol in range(len(run.here)):
            row = run.cursor[symbol]
            run.here[symbol] = -1
            if row < run.first[symbol + 1] and run.instant[row] == number:
                run.here[symbol] = row
                run.cursor[symbol] = row + 1
                wanted |= run.signal[row]
        place = 0
        while place < run.tally[HELD]:
            slot = run.order[place]
            row = run.here[run.book[slot]["symbol"]]
            if row < 0 or not _manage(run, slot, row):
                place += 1
        line = run.curve[number]
        line[0], line[3], line[6], _, _ = _measure(run, ALL)
        peak = max(run.account[PEAK], line[0])
        run.account[PEAK] = peak
        line[1], line[2], line[5] = run.account[CASH], run.tally[HELD], _shrunk(line[0], peak)
        line[4] = ((line[0] / peak) - 1.0) * 100.0 if peak > 0 else 0.0
        before = run.tally[HELD]
        for sleeve in range(2):
            if wanted & (1 << sleeve):
                _enter_all(run, sleeve, before)
    for place in range(run.tally[HELD]):
        held = run.book[run.order[place]]
        if run.here[held["symbol"]] >= 0 or run.rules[0]["exits_missing"]:
            _sell(run, held, held["mark"], held["size"], FINAL_EXIT, run.times[-1])
    return len(run.times) + 1


@compiled
def _manage(run: Run, slot: int, row: int) -> bool:
    """Review one position at its bar; tell whether it was closed."""
    held, bar, rules = run.book[slot], run.bars[row], run.rules[0]
    held["bars"] += 1
    held["mark"] = bar["close"]
    held["top"] = max(held["top"], bar["high"])
    if bar["low"] <= held["stop"]:
        return _close(run, slot, row, min(held["stop"], bar["open"]), STOP)
    is_over = held["bars"] > rules["time_stop_bars"][held["sleeve"]]
    if held["sleeve"] == PULLBACK:
        if bar["high"] >= held["target"]:
            return _close(run, slot, row, held["target"], TIME_EXIT)
        if is_over or bar["rsi"] >= RSI_EXIT:
            return _close(run, slot, row, bar["close"], TIME_EXIT)
        return False
    goal = held["base"] + PARTIAL_R * held["unit_risk"]
    if held["partial"] == 0 and bar["high"] >= goal:
        size = held["size"] * 0.5
        _sell(run, held, goal, size, PARTIAL, bar["at"])
        held["size"] -= size
        held["partial"] = 1
        held["stop"] = max(held["stop"], held["base"])
    if not math.isnan(bar["atr"]):
        trail = held["top"] - rules["trailing_atr_multiple"] * bar["atr"]
        held["stop"] = max(held["stop"], trail)
    if rules["pyramid_enabled"] and held["partial"] and held["adds"] < rules["pyramid_max_adds"]:
        ready = held["base"] + rules["pyramid_trigger_r"] * held["unit_risk"]
        if held["stop"] >= held["base"] and bar["close"] >= ready:
            _pyramid(run, held, bar)
    return is_over and _close(run, slot, row, bar["close"], TIME_EXIT)


@compiled
def _pyramid(run: Run, held: Records, bar: Records) -> None:
    """Add to a position whose stop is at its entry or above, within the budgets."""
    rules, price = run.rules[0], bar["close"] * run.rules[0]["entry_factor"]
    unit_risk = price - held["stop"]
    if not unit_risk > 0:
        return
    equity, risk, notional, _, _ = _measure(run, ALL)
    wanted = (equity * rules["risk_per_trade"] * rules["pyramid_risk_fraction"]) / unit_risk
    size = min(wanted, held["first_size"] * rules["pyramid_size_fraction"])
    worth = size * price
    if (
        not size > 0
        or not risk + size * unit_risk <= equity * rules["max_portfolio_risk"]
        or not notional + worth <= equity * rules["max_gross_exposure"]
    ):
        return
    fee = worth * rules["fee_rate"]
    run.account[CASH] -= fee
    held["result"] -= fee
    whole = held["size"] + size
    held["entry"] = ((held["entry"] * held["size"]) + (price * size)) / whole
    held["size"] = whole
    held["adds"] += 1
    held["top"] = max(held["top"], price)
    _log(run, held, PYRAMID, bar["at"], price, size, fee, NAN)


@compiled
def _close(run: Run, slot: int, row: int, raw: float, kind: int) -> bool:
    """Sell all of a position at its bar; its sleeve leaves the symbol alone for a while."""
    held = run.book[slot]
    _sell(run, held, raw, held["size"], kind, run.bars[row]["at"])
    run.blocked[held["sleeve"], held["symbol"]] = row + run.rules[0]["cooldown_bars"]
    last = run.tally[HELD] - 1
    place = 0
    while run.order[place] != slot:
        place += 1
    for one in range(place, last):
        run.order[one] = run.order[one + 1]
    run.order[last] = slot
    run.tally[HELD] = last
    return True


@compiled
def _sell(run: Run, held: Records, raw: float, size: float, kind: int, at: int) -> None:
    """Book the sale of a size; the last one carries the result of the whole life."""
    price = raw * run.rules[0]["exit_factor"]
    fee = size * price * run.rules[0]["fee_rate"]
    pnl = (price - held["entry"]) * size - fee
    run.account[CASH] += pnl
    held["result"] += pnl
    _log(run, held, kind, at, price, size, fee, pnl)
    if kind != PARTIAL:
        run.events[run.tally[EVENTS] - 1]["result"] = held["result"]


@compiled
def _log(
    run: Run, held: Records, kind: int, at: int, price: float, size: float, fee: float, pnl: float
) -> None:
    event = run.events[run.tally[EVENTS]]
    event["trade"], event["symbol"], event["sleeve"] = held["trade"], held["symbol"], held["sleeve"]
    event["kind"], event["at"], event["bars"] = kind, at, held["bars"]
    event["price"], event["size"], event["fee"], event["pnl"] = price, size, fee, pnl
    event["equity"], event["score"] = run.account[CASH], held["score"]
    event["unit_risk"], event["likeness"], event["scalar"], event["result"] = NAN, NAN, NAN, NAN
    run.tally[EVENTS] += 1


@compiled
def _bar_to(run: Run, sleeve: int, symbol: int, mine: int) -> int:
    """Name the first rule that keeps a symbol out whatever its price, or TAKEN."""
    rules, elsewhere = run.rules[0], False
    if run.tally[HELD] >= rules["max_positions"]:
        return MAX_POSITIONS
    for place in range(run.tally[HELD]):
        held = run.book[run.order[place]]
        if held["symbol"] == symbol:
            if held["sleeve"] == sleeve:
                return EXISTING_SAME_SLEEVE_SYMBOL
            elsewhere = True
    if elsewhere and not rules["overlap"]:
        return EXISTING_SYMBOL
    if mine >= rules["positions_max"][sleeve]:
        return STRATEGY_POSITION_CAP
    if run.here[symbol] <= run.blocked[sleeve, symbol]:
        return COOLDOWN
    return TAKEN


@compiled
def _sort(run: Run, sleeve: int, count: int, before: int) -> None:
    """Rank the wishes and put the best first; of equals, the first stays first."""
    rules = run.rules[0]
    for place in range(count):
        symbol = run.wish[place]
        bar = run.bars[run.here[symbol]]
        run.likeness[symbol] = _likeness(run, symbol, before)
        rank = bar["score"][sleeve] + rules["rank_bias"][sleeve]
        rank += rules["rank_share"][sleeve] * bar["symbol_score"]
        rank -= rules["correlation_penalty"][sleeve] * max(run.likeness[symbol], 0.0)
        run.rank[symbol] = rank
        spot = place
        while spot > 0 and run.rank[run.wish[spot - 1]] < rank:
            run.wish[spot] = run.wish[spot - 1]
            spot -= 1
        run.wish[spot] = symbol


@compiled
def _likeness(run: Run, symbol: int, before: int) -> float:
    """Average the correlations of a symbol with the oldest positions; 0 without any."""
    end, lookback = run.here[symbol], run.rules[0]["correlation_lookback"]
    total, count, least = 0.0, 0, max(lookback // 3, SHARED_MIN)
    if end - run.first[symbol] < lookback:
        return 0.0
    begin = max(end - lookback, run.first[symbol] + 1)
    for place in range(before):
        other = run.book[run.order[place]]["symbol"]
        their_end = run.here[other]
        if their_end < 0 or their_end - run.first[other] < lookback:
            continue
        their_begin = max(their_end - lookback, run.first[other] + 1)
        x, y, mean_x, mean_y = _shared(run, begin, end, their_begin, their_end)
        found = _correlation(x, y, mean_x, mean_y) if len(x) >= least else NAN
        if not math.isnan(found):
            total += found
            count += 1
    return total / count if count else 0.0


@compiled
def _shared(
    run: Run, a: int, a_end: int, b: int, b_end: int
) -> tuple[Floats, Floats, float, float]:
    """Take changes, and their means, of two stretches of rows where they share an instant."""
    gaps = run.instant[a_end] - run.instant[a] - (a_end - a)
    if not gaps and a_end - a == b_end - b == run.instant[b_end] - run.instant[b]:
        mean_x = (run.climb[a_end - 1] - run.climb[a - 1]) / max(a_end - a, 1)
        mean_y = (run.climb[b_end - 1] - run.climb[b - 1]) / max(a_end - a, 1)
        return run.change[a:a_end], run.change[b:b_end], mean_x, mean_y
    count, mean_x, mean_y = 0, 0.0, 0.0
    while a < a_end and b < b_end:
        mine, other = run.instant[a], run.instant[b]
        if mine == other:
            run.pair[0, count], run.pair[1, count] = run.change[a], run.change[b]
            mean_x, mean_y, count = mean_x + run.change[a], mean_y + run.change[b], count + 1
        a += mine <= other
        b += other <= mine
    return run.pair[0, :count], run.pair[1, :count], mean_x / max(count, 1), mean_y / max(count, 1)


@compiled_sums
def _correlation(x: Floats, y: Floats, mean_x: float, mean_y: float) -> float:
    """Correlate two rows of changes (Pearson); NaN where one of them does not change."""
    xx, yy, xy = 0.0, 0.0, 0.0
    for place in range(len(x)):
        xx += (x[place] - mean_x) * (x[place] - mean_x)
        yy += (y[place] - mean_y) * (y[place] - mean_y)
        xy += (x[place] - mean_x) * (y[place] - mean_y)
    found = xy / math.sqrt(xx) / math.sqrt(yy) if xx > 0.0 and yy > 0.0 else NAN
    return max(min(found, 1.0), -1.0) if not math.isnan(found) else NAN


@compiled
def _enter_all(run: Run, sleeve: int, before: int) -> None:
    """Let a sleeve take what it wants, best first; correlations are with the `before` oldest."""
    mine, count, alive, used = 0, 0, 0, run.used
    for place in range(run.tally[HELD]):
        mine += run.book[run.order[place]]["sleeve"] == sleeve
    for symbol in range(len(run.here)):
        row = run.here[symbol]
        if row >= 0 and run.signal[row] & (1 << sleeve):
            run.wish[count] = symbol
            count += 1
            alive += _bar_to(run, sleeve, symbol, mine) == TAKEN
    if alive:  # else nothing is entered: neither order nor correlations matter
        _sort(run, sleeve, count, before)
        used[EQUITY], used[RISK], used[NOTIONAL], used[MY_RISK], used[MY_NOTIONAL] = _measure(
            run, sleeve
        )
    for place in range(count):
        symbol = run.wish[place]
        reason = _bar_to(run, sleeve, symbol, mine)
        if reason == TAKEN:
            reason = _enter(run, sleeve, symbol, mine)
        if reason == TAKEN:
            mine += 1
        else:
            run.rejected[sleeve, reason] += 1


@compiled
def _enter(run: Run, sleeve: int, symbol: int, mine: int) -> int:
    """Open a position at the open of the symbol's next bar, or name the rule that forbids it."""
    rules, used, row = run.rules[0], run.used, run.here[symbol]
    bar, following, equity = run.bars[row], run.bars[row + 1], run.used[EQUITY]
    correlation_max = rules["correlation_max"][sleeve]
    if sleeve == PULLBACK and mine < rules["positions_min"][sleeve]:
        correlation_max = HUNGRY_CORRELATION
    if run.likeness[symbol] > correlation_max:
        return CORRELATION_GATE
    price = following["open"] * rules["entry_factor"]
    stop, target = min(bar["sma20"] - 1.1 * bar["atr"], bar["low"]), NAN
    if sleeve == PULLBACK:
        stop = min(bar["sma50"] - 0.8 * bar["atr"], price - 1.0 * bar["atr"])
        target = price + 1.8 * bar["atr"]
    unit_risk = price - stop
    if not unit_risk > 0 or unit_risk / price < UNIT_RISK_MIN:
        return INVALID_RISK
    share = rules["risk_per_trade"] * bar["scalar"][sleeve] * _shrunk(equity, run.account[PEAK])
    share = share * run.symbol_scalar[symbol] * _confidence(rules, bar["score"][sleeve])
    most = (equity * rules["max_position_notional_fraction"]) / price
    size = min((equity * share) / unit_risk, most)
    worth, risk, risk_max = size * price, size * unit_risk, equity * rules["max_portfolio_risk"]
    if size <= 0:
        return SIZE_ZERO
    if used[MY_NOTIONAL] + worth > equity * rules["notional_budget"][sleeve]:
        return STRATEGY_NOTIONAL_BUDGET
    if used[MY_RISK] + risk > risk_max * rules["risk_budget"][sleeve]:
        return STRATEGY_RISK_BUDGET
    if used[RISK] + risk > risk_max:
        return PORTFOLIO_RISK_BUDGET
    if used[NOTIONAL] + worth > equity * rules["max_gross_exposure"]:
        return GROSS_EXPOSURE
    used[RISK], used[MY_RISK] = used[RISK] + risk, used[MY_RISK] + risk
    used[NOTIONAL], used[MY_NOTIONAL] = used[NOTIONAL] + worth, used[MY_NOTIONAL] + worth
    held, fee = run.book[run.order[run.tally[HELD]]], worth * rules["fee_rate"]
    run.account[CASH] -= fee
    run.tally[HELD] += 1
    run.tally[TRADES] += 1
    run.entries[sleeve] += 1
    held["trade"], held["partial"], held["adds"], held["bars"] = run.tally[TRADES], 0, 0, 0
    held["sleeve"], held["symbol"], held["score"] = sleeve, symbol, bar["score"][sleeve]
    held["entry"], held["base"], held["top"], held["mark"] = price, price, price, price
    held["stop"], held["target"], held["unit_risk"] = stop, target, unit_risk
    held["size"], held["first_size"], held["result"] = size, size, -fee
    _log(run, held, ENTRY, following["at"], price, size, fee, NAN)
    event = run.events[run.tally[EVENTS] - 1]
    event["unit_risk"], event["scalar"] = unit_risk, bar["scalar"][sleeve]
    event["likeness"] = run.likeness[symbol]
    return TAKEN


@compiled
def _measure(run: Run, sleeve: int) -> tuple[float, float, float, float, float]:
    """Return equity, risk (entry to stop) and notional, and risk and notional of a sleeve.

    A position is marked at the close of this instant, else at the last one since its entry (else
    at its entry), or without `marks_missing` not at all.
    """
    equity, risk, notional, my_risk, my_notional = run.account[CASH], 0.0, 0.0, 0.0, 0.0
    for place in range(run.tally[HELD]):
        held = run.book[run.order[place]]
        at_risk, worth = abs(held["entry"] - held["stop"]) * held["size"], 0.0
        row = run.here[held["symbol"]]
        if row >= 0 or run.rules[0]["marks_missing"]:
            mark = run.bars[row]["close"] if row >= 0 else held["mark"]
            equity += (mark - held["entry"]) * held["size"]
            worth = held["size"] * mark
        risk += at_risk
        notional += worth
        if held["sleeve"] == sleeve:
            my_risk += at_risk
            my_notional += worth
    return equity, risk, notional, my_risk, my_notional


@compiled
def _confidence(rules: Records, score: float) -> float:
    """Scale a size by how good its signal is: a logistic curve from floor to ceiling."""
    if not rules["score_sizing"] or rules["size_width"] <= 0:
        return 1.0
    distance = (score - rules["size_center"]) / rules["size_width"]
    share = 1.0 / (1.0 + math.exp(min(-distance, 700.0)))
    scaled: float = rules["size_floor"] + (rules["size_ceiling"] - rules["size_floor"]) * share
    return scaled


@compiled
def _shrunk(equity: float, peak: float) -> float:
    """Halve the risk taken 18 % below the peak, take three quarters 12 % below it."""
    fall = 1.0 - equity / peak if peak > 0 else 0.0
    return 0.50 if fall >= 0.18 else 0.75 if fall >= 0.12 else 1.0
