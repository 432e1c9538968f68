"""What happened to each chain of rolls? Its legs, rolls, reasons and flows, and the sum of all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from trader.backtest.roll_chains import Stories
from trader.domain.facts import Settled
from trader.domain.models import REGIMES
from trader.domain.units import iso
from trader.views.text import Column, is_dollar, money, number, pairs, percent, signed_usd, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trader.backtest.roll_chains import ChainStory, RollChainStudy, Step
    from trader.domain.facts import Recorded

CHAINS: Final = (
    Column("chain", "chain"),
    Column("opened", "opened"),
    Column("ended", "ended"),
    Column("how", "how"),
    Column("regime", "regime"),
    Column("rolls", "rolls", "right"),
    Column("flow", "flow", "right"),
    Column("usd", "in USD", "right"),
    Column("fees", "fees", "right"),
    Column("result", "of equity", "right"),
)
STEPS: Final = (
    Column("at", "at"),
    Column("what", "what"),
    Column("legs", "legs"),
    Column("index", "index", "right"),
    Column("flow", "flow", "right"),
    Column("usd", "in USD", "right"),
    Column("reason", "reason"),
)


def listing(study: RollChainStudy) -> str:
    """Tell every chain step by step, oldest first; flows include fees."""
    return "\n\n".join(f"{chain_title(one)}\n{_steps(one)}" for one in study.chains)


def explain_chain(chain_id: str, records: Iterable[Recorded]) -> str:
    """Tell one chain from the facts about it: each step with its reason, its flows, its result."""
    stories = Stories()
    for recorded in records:
        fact = recorded.fact
        if isinstance(fact, Settled):
            fact = msgspec.structs.replace(
                fact,
                legs=tuple(one for one in fact.legs if one.chain_id == chain_id),
                spot=tuple(one for one in fact.spot if one.chain_id == chain_id),
            )
        stories.take(fact, recorded.at)
    told = stories.tell({}, {})
    if not told:
        return f"{chain_id}: nothing of it has filled"
    return "\n\n".join(f"{chain_title(one)}\n{_steps(one)}" for one in told)


def overview(study: RollChainStudy) -> str:
    """Set one line for each chain under their titles."""
    return table([_row(one) for one in study.chains], CHAINS)


def summary(study: RollChainStudy) -> str:
    """Sum the chains up: ended ones count as trades, open ones stand beside at their marks."""
    ended = study.ended
    results = [one.pnl_pct for one in ended if one.pnl_pct is not None]
    wins, losses = sum(one > 0 for one in results), sum(one < 0 for one in results)
    rolls = sum(one.rolls for one in study.chains)
    rows = [("chains ended", f"{len(ended)}: {wins} won, {losses} lost")]
    if results:
        flow, usd = (
            math.fsum(getattr(one, name) for one in ended) for name in ("flow", "flow_usd")
        )
        fees = math.fsum(one.fees for one in ended)
        rows += [
            ("their flow", f"{_coin(flow, ended[0])} ({signed_usd(usd)} at the time)"),
            ("of which fees", _coin(-fees, ended[0])),
            ("mean result", f"{_share(math.fsum(results) / len(results))} of equity"),
            ("best and worst", f"{_share(max(results))} and {_share(min(results))} of equity"),
        ]
    rows.append(("rolls", str(rolls)))
    rows += [("opened in", line) for line in _by_regime(ended)]
    for one in study.chains:
        if one.ended_at is None:
            rows.append(("still open", f"{one.chain_id}, {_worth(one)}: in no statistic"))
    rows += [
        ("drawdown", f"{signed_usd(study.drawdown_usd)}, open chains at their marks"),
        ("refused", _counts(study.refused)),
        ("looks at opening", _counts(study.opening)),
        ("looks at chains", _counts(study.managing)),
    ]
    return pairs(rows)


def _by_regime(ended: Sequence[ChainStory]) -> list[str]:
    """Say of each regime how its chains came out, the gravest first; nothing of no chains."""
    found = []
    for regime in (*REGIMES, None):
        mine = [one.pnl_pct for one in ended if one.regime == regime and one.pnl_pct is not None]
        if mine:
            mean = _share(math.fsum(mine) / len(mine))
            wins = sum(one > 0 for one in mine)
            found.append(f"{regime or 'unknown'}: {len(mine)}, {wins} won, mean {mean} of equity")
    return found


def chain_title(chain: ChainStory) -> str:
    """Tell a chain in one line: its end, its rolls, what it moved, its fees and its result."""
    until = "still open" if chain.ended_at is None else f"{chain.how} {iso(chain.ended_at)}"
    result = "" if chain.pnl_pct is None else f", {_share(chain.pnl_pct)} of equity"
    rolls = "1 roll" if chain.rolls == 1 else f"{chain.rolls} rolls"
    regime = "" if chain.regime is None else f"opened in a {chain.regime} market, "
    return (
        f"{chain.chain_id}: {regime}{until}, {rolls}, {_coin(chain.flow, chain)} "
        f"({signed_usd(chain.flow_usd)}), fees {money(chain.fees, chain.currency)}{result}"
    )


def _steps(chain: ChainStory) -> str:
    return table([step_fields(one, chain) for one in chain.steps], STEPS)


def step_fields(step: Step, chain: ChainStory) -> dict[str, str]:
    """Tell one step of a chain: when, what, its legs, what it moved, and why."""
    verb = {True: "buy", False: "sell"}
    settled = step.what == "settled"
    legs = ", ".join(
        f"{'pays' if settled else verb[leg.amount > 0]} "
        f"{number(leg.amount if settled else abs(leg.amount))} {leg.instrument} "
        f"at {number(leg.price)}"
        for leg in step.legs
    )
    return {
        "at": iso(step.at),
        "what": step.what.replace("_", " "),
        "legs": legs,
        "index": f"{step.index:,.0f}",
        "flow": _coin(step.flow, chain),
        "usd": signed_usd(step.flow_usd),
        "reason": step.reason,
    }


def _row(chain: ChainStory) -> dict[str, str]:
    return {
        "chain": chain.chain_id,
        "opened": iso(chain.opened_at),
        "ended": "" if chain.ended_at is None else iso(chain.ended_at),
        "how": chain.how,
        "regime": chain.regime or "unknown",
        "rolls": str(chain.rolls),
        "flow": _coin(chain.flow, chain),
        "usd": signed_usd(chain.flow_usd),
        "fees": money(chain.fees, chain.currency),
        "result": "" if chain.pnl_pct is None else _share(chain.pnl_pct),
    }


def _worth(chain: ChainStory) -> str:
    if not math.isfinite(chain.mark):
        return f"flow {_coin(chain.flow, chain)}, without a mark"
    return f"worth {_coin(chain.flow + chain.mark, chain)} at its last mark"


def _coin(amount: float, chain: ChainStory) -> str:
    """Write what moved, to the cent where it is dollars."""
    dollars = is_dollar(chain.currency)
    text = f"{amount:,.2f} {chain.currency}" if dollars else money(amount, chain.currency)
    return f"+{text}" if amount > 0 else text


def _share(fraction: float) -> str:
    """Write a result of one chain: hundredths of a percent are not fine enough."""
    if abs(fraction) >= 0.01:
        return percent(fraction)
    return f"{fraction * 100:+.4f} %"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
