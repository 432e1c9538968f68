"""Are balances conserved, and are days and peaks counted from marks alone?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.domain.errors import InvariantBroken
from trader.domain.facts import AccountMarked, AccountOpened, HaltChanged, Posting
from trader.domain.units import DAY, HOUR, MINUTE
from trader.engine.accounts import Account
from trader.engine.posting import move

MIDNIGHT = 20_000 * DAY


def _account() -> Account:
    return Account(AccountOpened("main", {"BTC": 2_000_000_000, "USDC": 500}))


def _mark(account: Account, at: int, pnl: float) -> None:
    marked = AccountMarked(account="main", equity_usd=1e6, trading_pnl_usd=pnl, indices={})
    account.mark(marked, at)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["premium", "fees", "settlement", "funding", "realized"]),
            st.sampled_from(["BTC", "USDC", "ETH"]),
            st.integers(-(10**12), 10**12),
        )
    )
)
def test_cash_is_the_opening_plus_what_was_posted(moves: list[tuple[str, str, int]]) -> None:
    """Every currency on its own: cash = opening + postings, and all its books sum to zero."""
    account = _account()
    due = dict(account.opening)
    for book, currency, atoms in moves:
        account.post(move(book, currency, atoms))  # type: ignore[arg-type]
        due[currency] = due.get(currency, 0) + atoms
    assert {one: atoms for one, atoms in account.cash.items() if atoms} == {
        one: atoms for one, atoms in due.items() if atoms
    }
    for currency in due:
        assert sum(atoms for (_, of), atoms in account.books.items() if of == currency) == 0


def test_what_does_not_balance_changes_nothing() -> None:
    """A refused posting leaves every book as it was."""
    account = _account()
    before = (dict(account.cash), dict(account.books))
    with pytest.raises(InvariantBroken):
        account.post((Posting("cash", "BTC", 5), Posting("fees", "BTC", -4)))
    assert (account.cash, account.books) == before


def test_books_that_are_off_are_found_at_the_next_posting() -> None:
    """Cash that moved without a posting is a bug that stops the daemon."""
    account = _account()
    account.cash["BTC"] += 1
    with pytest.raises(InvariantBroken, match="main: BTC books are off"):
        account.post(move("fees", "BTC", -1))


def test_currencies_are_added_at_a_rate_only() -> None:
    """20 coins and 500 atoms of USDC are worth what the rates say, now and as they were."""
    account = _account()
    account.post(move("fees", "BTC", -100_000_000))
    rates = {"BTC": 90_000.0, "USDC": 1.0}
    assert account.balance("BTC") == 19.0
    assert account.balance("ETH") == 0.0
    assert account.cash_usd(rates) == pytest.approx(19 * 90_000 + 5e-6)
    assert account.opening_usd(rates) == pytest.approx(20 * 90_000 + 5e-6)
    with pytest.raises(KeyError, match="BTC"):
        account.cash_usd({"USDC": 1.0})


def test_trap_daily_limits_reset_by_local_midnight() -> None:
    """The day opens with the mark of 00:00 UTC and with no other."""
    account = _account()
    for hour, pnl in ((22, 10.0), (23, 20.0), (24, 30.0), (25, -40.0), (26, -50.0)):
        _mark(account, MIDNIGHT + hour * HOUR, pnl)
        assert account.day_open_pnl_usd == (0.0 if hour < 24 else 30.0)


def test_a_late_first_mark_opens_the_day_with_the_last_one() -> None:
    """Down from 23:30 to 03:10: what was lost in between belongs to the new day."""
    account = _account()
    _mark(account, MIDNIGHT + 23 * HOUR, 100.0)
    _mark(account, MIDNIGHT + DAY + 3 * HOUR + 10 * MINUTE, -900.0)
    assert account.day_open_pnl_usd == 100.0
    _mark(account, MIDNIGHT + 2 * DAY + 59 * MINUTE, -950.0)
    assert account.day_open_pnl_usd == -950.0


def test_days_without_a_daemon_open_with_the_last_mark_too() -> None:
    """Three days down: the result since the last mark is today's."""
    account = _account()
    _mark(account, MIDNIGHT + 5 * HOUR, 7.0)
    _mark(account, MIDNIGHT + 4 * DAY + 5 * HOUR, -3.0)
    assert account.day_open_pnl_usd == 7.0


def test_the_first_day_opens_with_nothing_earned() -> None:
    """What was lost before the first mark of all counts against the day."""
    account = _account()
    _mark(account, MIDNIGHT + 19 * HOUR, -5_000.0)
    assert account.day_open_pnl_usd == 0.0


def test_before_its_first_mark_a_day_opens_with_the_last_one() -> None:
    """At 00:30, no mark yet: yesterday's opening does not count any more."""
    account = _account()
    assert account.day_opening(MIDNIGHT) == 0.0
    _mark(account, MIDNIGHT, 5.0)
    _mark(account, MIDNIGHT + 23 * HOUR, 80.0)
    assert account.day_opening(MIDNIGHT + DAY - 1) == 5.0
    assert account.day_opening(MIDNIGHT + DAY + 30 * MINUTE) == 80.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_the_peak_is_the_best_mark_and_at_least_the_start(results: list[float]) -> None:
    """The peak folds marks: it never falls and starts at nothing earned."""
    account = _account()
    for hour, pnl in enumerate(results):
        _mark(account, MIDNIGHT + hour * HOUR, pnl)
    assert account.peak_pnl_usd == max(0.0, *results)


def test_a_person_who_resumes_starts_the_count_again() -> None:
    """Day and peak restart from the last mark; without one from nothing."""
    account = _account()
    account.forgive()
    assert (account.peak_pnl_usd, account.day_open_pnl_usd) == (0.0, 0.0)
    _mark(account, MIDNIGHT, 500.0)
    _mark(account, MIDNIGHT + HOUR, -200.0)
    account.forgive()
    assert (account.peak_pnl_usd, account.day_open_pnl_usd) == (-200.0, -200.0)


@pytest.mark.parametrize("pnl", [math.nan, math.inf, -math.inf])
def test_trap_nan_passes_if_loss_exceeds_limit(pnl: float) -> None:
    """A mark that is no number would silence every halt: it stops the daemon instead."""
    account = _account()
    with pytest.raises(InvariantBroken, match="main: a mark of"):
        _mark(account, MIDNIGHT, pnl)
    assert account.marked is None


def test_an_account_is_idle_until_something_is_booked() -> None:
    """Such an account cannot have lost anything: nobody need look for halts."""
    account = _account()
    assert account.idle
    _mark(account, MIDNIGHT, 0.0)
    assert account.idle
    account.post(move("premium", "BTC", 1))
    assert not account.idle


def test_a_halted_account_is_not_idle() -> None:
    """Its halt must be able to end."""
    account = _account()
    account.halts["drawdown_halt"] = HaltChanged(
        account="main", rule="drawdown_halt", active=True, limit=0.1, used=0.2, detail=""
    )
    assert not account.idle
