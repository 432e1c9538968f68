"""Do the sums of a run agree with its facts?"""

from __future__ import annotations

import pytest

from tests.backtest.pasts import TERMS, chains, day, seller
from tests.engine.floor import Floor
from tests.engine.test_quoting import quoted
from trader.backtest.runner import run_backtest
from trader.backtest.trade_history import Bookkeeper
from trader.domain.events import ClosePosition
from trader.domain.facts import AccountMarked, AlertRaised, Fact, HaltChanged, Recorded
from trader.domain.units import HOUR, from_atoms
from trader.engine.sources import Sources


def _record(*facts: Fact) -> list[Recorded]:
    return [Recorded(number, 10 * number, fact) for number, fact in enumerate(facts)]


def test_a_chain_is_premium_less_fees_and_payoff() -> None:
    """Calls that expire worthless earned their premium less their fees, nothing else."""
    history = run_backtest(seller(), chains(), TERMS, day(12), day(28))
    worthless = [one for one in history.chains if one.pnl_pct > 0]
    assert worthless
    for one in history.chains:
        payoff = one.pnl_pct - one.premium_pct - one.fees_pct
        assert one.fees_pct < 0 < one.premium_pct
        assert payoff <= 1e-9
    for one in worthless[:1]:
        assert one.pnl_pct == pytest.approx(one.premium_pct + one.fees_pct, abs=1e-8)


def test_chains_are_in_the_order_of_their_end_and_know_what_they_risked() -> None:
    """Each has a positive risk, opens before it closes, and a multiple of that risk."""
    history = run_backtest(seller(), chains(), TERMS, day(12), day(28))
    ends = [one.closed_at for one in history.chains]
    assert ends == sorted(ends)
    for one in history.chains:
        assert one.opened_at < one.closed_at
        assert one.multiple == pytest.approx(one.pnl_pct / one.risk_pct)


def test_the_books_agree_with_the_account() -> None:
    """With nothing open the account gained, against holding, what its one chain earned in coin."""
    hours = seller(offset=HOUR, target_days=0.3, days_tolerance=0.1)
    history = run_backtest(hours, chains(), TERMS, day(2), day(3) + 1)
    (chain,), last = history.chains, history.marks[-1]
    assert (last.at, history.open_chains) == (day(3), 0)
    index = (last.equity_usd - last.trading_pnl_usd) / 20.0
    assert last.trading_pnl_usd == pytest.approx(chain.pnl_pct * 20.0 * index, rel=1e-6)


def test_alerts_halts_and_marks_are_counted() -> None:
    """Marks of shadow accounts are none of the account's; only halts that begin count."""
    books = Bookkeeper()
    mark = AccountMarked(
        account="main", equity_usd=10.0, trading_pnl_usd=1.0, indices={"BTC": 1.0}, stale=()
    )
    halt = HaltChanged(
        account="main", rule="daily_loss_halt", active=True, limit=1.0, used=2.0, detail=""
    )
    books.read(
        _record(
            mark,
            AccountMarked(
                account="shadow:calls", equity_usd=9.0, trading_pnl_usd=0.0, indices={}, stale=()
            ),
            AlertRaised(kind="decision_skipped", severity="warning", text="", strategy="calls"),
            halt,
            HaltChanged(
                account="main", rule="daily_loss_halt", active=False, limit=1.0, used=0.0, detail=""
            ),
        )
    )
    assert [(one.at, one.equity_usd, one.trading_pnl_usd) for one in books.marks] == [
        (0, 10.0, 1.0)
    ]
    assert books.alerts == {"decision_skipped": 1}
    assert books.halted == 1


def test_a_session_of_quotes_is_one_chain_of_its_reserve() -> None:
    """Its result is told against what was reserved for it, whatever of it was held."""
    floor = Floor()
    chain = quoted(floor)
    reserved = chain.risk_share
    floor.move(88_500.0)
    floor.move(91_500.0)
    floor.send(ClosePosition(by="ann", reason="enough", chain_id=chain.id))
    books = Bookkeeper()
    books.read(floor.records)
    (closed,) = books.chains
    assert closed.risk_pct == pytest.approx(reserved)
    assert closed.fees_pct < 0
    sources, unit = Sources(), chain.index_at_open / chain.equity_at_open_usd
    market = sum(
        from_atoms(move.atoms) * unit
        for recorded in floor.records
        for move in sources.moves(recorded.fact)
        if move.source == "delta"
    )
    assert market, "what was bought was sold again, which is no premium"
    assert closed.pnl_pct == pytest.approx(closed.premium_pct + closed.fees_pct + market)
