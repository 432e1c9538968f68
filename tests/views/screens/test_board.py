"""Does the page of a board show what is asked for, with models beside quotes?"""

from __future__ import annotations

import pytest

from tests.builders import board as quoted
from tests.views.readings import Told
from tests.views.shown import cells, figures, markup, tables, texts
from tests.views.test_board_rows import now
from trader.views.board_rows import strike_rows
from trader.views.reading import BoardNow, NotUnderstood
from trader.views.screens.board import board, chosen

BOARDS: dict[tuple[str, bool], BoardNow] = {
    ("BTC", True): now(quoted()),
    ("ETH", False): now(quoted("ETH", inverse=False), inverse=False),
}
READING = Told((), boards=BOARDS)


def test_the_next_expiry_is_shown_first() -> None:
    """A row a strike, named so that a stream can reach it."""
    page = board(READING, {})
    (table,) = tables(page)
    rows = [one for one in strike_rows(quoted(), inverse=True) if "2026-11-21" in one.key]
    assert table.keys == tuple(one.key for one in rows)
    assert table.stream == "/board/stream?board=BTC&expiry=2026-11-21"
    assert len(figures(page)) == 2
    assert page.title == "BTC options"


def test_all_expiries_can_be_asked_for() -> None:
    """Each has its table; together they are the board."""
    page = board(READING, {"expiry": "all"})
    keys = [key for table in tables(page) for key in table.keys]
    assert keys == [one.key for one in strike_rows(quoted(), inverse=True)]
    assert len(tables(page)) == 5


def test_another_board_is_in_its_own_currency() -> None:
    """What USDC settles is quoted in USD."""
    page = board(READING, {"board": "ETH USDC"})
    assert "prices in USDC" in texts(page)
    assert "." in cells(tables(page)[0], "call mark")[0]


def test_without_models_the_page_says_when_they_come() -> None:
    """Quotes are shown all the same."""
    page = board(Told((), boards={("BTC", True): now(quoted(), None)}), {})
    assert "No model is calibrated yet" in texts(page)
    assert set(cells(tables(page)[0], "call model")) == {"-"}


def test_without_a_board_the_page_waits() -> None:
    """Before the market is known there is nothing to choose from."""
    assert "appears with the market's first snapshot" in texts(board(Told(()), {}))
    with pytest.raises(NotUnderstood, match="appears with the market's first snapshot"):
        chosen(Told(()), {})


@pytest.mark.parametrize("asked", [{"board": "XRP"}, {"expiry": "2020-01-01"}])
def test_what_is_not_listed_is_refused(asked: dict[str, str]) -> None:
    """By the page and by its stream alike."""
    with pytest.raises(NotUnderstood, match="choose from"):
        board(READING, asked)
    with pytest.raises(NotUnderstood, match="choose from"):
        chosen(READING, asked)


def test_a_stream_follows_what_its_page_shows() -> None:
    """One expiry, or all of them."""
    one, expires_at = chosen(READING, {"board": "BTC", "expiry": "2026-11-22"})
    assert one is BOARDS["BTC", True]
    assert expires_at == sorted(set(quoted().expires_at.tolist()))[1]
    assert chosen(READING, {"board": "BTC", "expiry": "all"})[1] is None


def test_a_large_board_stays_light() -> None:
    """One expiry of 61 strikes weighs less than 60 kB without its figures."""
    page = board(READING, {})
    figure = sum(len(one.svg) for one in figures(page))
    assert len(markup(page)) - figure < 60_000
