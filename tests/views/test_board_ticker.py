"""Does somebody who applies what changed see the board as it is?"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import alter, board
from tests.views.test_board_rows import now, told
from trader.domain.market import Board
from trader.views.board_rows import cells, strike_rows
from trader.views.board_ticker import BoardTicker

BOARD = board(days=(1, 2))


def shown(one: Board, vol: float | None = None) -> dict[str, list[tuple[str, str]]]:
    """Write a whole board."""
    seen = now(one, vol)
    found = told(seen)
    return {
        row.key: [(cell.text, cell.tone) for cell in cells(found, row)]
        for row in strike_rows(one, inverse=True)
    }


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(BOARD) - 1),
            st.sampled_from(["bid", "ask", "mark", "mark_iv"]),
            st.floats(0.0001, 2.0) | st.just(float("nan")),
        ),
        max_size=8,
    )
)
def test_a_page_that_follows_shows_the_board(moves: list[tuple[int, str, float]]) -> None:
    """Whatever moves, the page and a page made anew read the same."""
    ticker, page, seen = BoardTicker(), shown(BOARD), BOARD
    assert ticker.take(now(BOARD, None)) == {}
    for row, column, value in moves:
        seen = alter(seen, {column: value}, row)
        for key, changes in ticker.take(now(seen, None)).items():
            for place, text, tone in changes:
                page[key][place] = (text, tone)
        assert page == shown(seen)


def test_nothing_is_said_of_what_reads_as_before() -> None:
    """A move below what is shown sends nothing."""
    ticker = BoardTicker()
    ticker.take(now(BOARD, None))
    assert ticker.take(now(BOARD, None)) == {}
    assert ticker.take(now(alter(BOARD, {"mark": BOARD.mark + 1e-9}), None)) == {}


def test_one_expiry_is_followed_alone() -> None:
    """What moves elsewhere is not told."""
    first, second = sorted(set(BOARD.expires_at.tolist()))
    ticker = BoardTicker(first)
    ticker.take(now(BOARD, None))
    moved = alter(BOARD, {"bid": 0.5})
    keys = {row.key for row in strike_rows(BOARD, inverse=True) if row.expires_at == first}
    assert set(ticker.take(now(moved, None))) == keys
    assert second != first


def test_another_listing_begins_anew() -> None:
    """After an expiry the page is asked for again; nothing is told of rows it does not know."""
    ticker = BoardTicker()
    ticker.take(now(BOARD, None))
    assert ticker.take(now(board(days=(2, 3)), None)) == {}
    assert ticker.take(now(alter(board(days=(2, 3)), {"bid": 0.5}), None)) == {}


def test_models_move_the_value_with_the_forward() -> None:
    """Between two calibrations the volatility stands, and the value follows the price."""
    ticker = BoardTicker()
    ticker.take(now(BOARD))
    moved = alter(BOARD, {"underlying_price": 91_000.0})
    changed = ticker.take(now(moved))
    assert any(place == 6 for one in changed.values() for place, _, _ in one)
