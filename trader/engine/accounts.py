"""What does an account own, and what has trading earned it? Balances, marks and halts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trader.domain.errors import InvariantBroken
from trader.domain.facts import Posting
from trader.domain.units import HOUR, from_atoms, utc_day
from trader.engine.posting import assert_balanced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.facts import AccountMarked, AccountOpened, HaltChanged


class Account:
    """The mutable books of one account.

    Invariant: all books of a currency sum to zero (cash came from somewhere), checked per posting.
    """

    def __init__(self, opened: AccountOpened) -> None:
        self.name = opened.account
        self.opening = dict(opened.balances)
        self.cash: dict[str, int] = {}
        self.books: dict[tuple[str, str], int] = {}
        self.peak_pnl_usd = 0.0
        self.day_open_pnl_usd = 0.0
        self.marked_at: int | None = None
        self.marked: AccountMarked | None = None
        self.halts: dict[str, HaltChanged] = {}
        for currency, atoms in self.opening.items():
            self.cash[currency] = 0
            self.post((Posting("cash", currency, atoms), Posting("equity", currency, -atoms)))

    def post(self, postings: Iterable[Posting]) -> None:
        """Book balanced postings.

        Raises:
            InvariantBroken: they do not sum to zero per currency, or the books no longer do.
        """
        entries = tuple(postings)
        assert_balanced(entries)
        for posting in entries:
            if posting.book == "cash":
                self.cash[posting.currency] = self.cash.get(posting.currency, 0) + posting.atoms
            key = (posting.book, posting.currency)
            self.books[key] = self.books.get(key, 0) + posting.atoms
        for currency in {entry.currency: None for entry in entries}:
            total = sum(atoms for (_, of), atoms in self.books.items() if of == currency)
            if total or self.books[("cash", currency)] != self.cash[currency]:
                raise InvariantBroken(f"{self.name}: {currency} books are off by {total} atoms")

    def mark(self, marked: AccountMarked, at: int) -> None:
        """Take an hourly mark: the day's opening result and the peak are folded from marks.

        The day opens with its first mark, or with the last one before where that mark is late;
        the first day of all opens with nothing earned yet.

        Raises:
            InvariantBroken: a value is not finite: no halt could be judged by it.
        """
        pnl = marked.trading_pnl_usd
        if not (math.isfinite(pnl) and math.isfinite(marked.equity_usd)):
            raise InvariantBroken(f"{self.name}: a mark of {marked.equity_usd} USD, {pnl} earned")
        if self.marked_at is None or utc_day(at) != utc_day(self.marked_at):
            late = at % (24 * HOUR) >= HOUR
            last = self.marked.trading_pnl_usd if self.marked is not None else 0.0
            self.day_open_pnl_usd = last if late else pnl
        self.peak_pnl_usd = max(self.peak_pnl_usd, pnl)
        self.marked = marked
        self.marked_at = at

    def day_opening(self, at: int) -> float:
        """Tell the result the UTC day of `at` opened with; before its first mark, the last one."""
        if self.marked is None or self.marked_at is None or utc_day(self.marked_at) == utc_day(at):
            return self.day_open_pnl_usd
        return self.marked.trading_pnl_usd

    @property
    def idle(self) -> bool:
        """Whether nothing was ever booked since the opening: such an account cannot lose."""
        return len(self.books) == 2 * len(self.opening) and not self.halts

    def forgive(self) -> None:
        """Start the halts' counting again from the last mark: a person resumed trading."""
        last = self.marked.trading_pnl_usd if self.marked is not None else 0.0
        self.peak_pnl_usd = last
        self.day_open_pnl_usd = last

    def balance(self, currency: str) -> float:
        """Tell the cash of a currency, in units of it."""
        return from_atoms(self.cash.get(currency, 0))

    def cash_usd(self, rates: Mapping[str, float]) -> float:
        """Value all cash at `rates` (USD per unit)."""
        return sum(from_atoms(atoms) * rates[currency] for currency, atoms in self.cash.items())

    def opening_usd(self, rates: Mapping[str, float]) -> float:
        """Value the starting balances at today's `rates`: what holding would be worth."""
        return sum(from_atoms(atoms) * rates[currency] for currency, atoms in self.opening.items())
