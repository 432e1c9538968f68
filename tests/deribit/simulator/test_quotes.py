"""The invented books: on the tick grid, around the mark, still for stretches, reproducible."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from trader.deribit.simulator.listing import Listings
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.prints import Tape
from trader.deribit.simulator.products import OPTIONS
from trader.deribit.simulator.quotes import Board, Quotes
from trader.domain.units import DAY, HOUR, MINUTE, SECOND, YEAR, nanoseconds
from trader.pricing.black_scholes import ImpliedVolStatus, implied_vol, inverse_price

NOW = nanoseconds(datetime(2026, 11, 20, 18, 1, 3, tzinfo=UTC))
ROLL = nanoseconds(datetime(2026, 11, 21, 8, tzinfo=UTC))


def _quotes(seed: int) -> Quotes:
    market = Market(seed)
    return Quotes(market, Listings(market))


@pytest.fixture(scope="module")
def quotes() -> Quotes:
    """Share one venue: its caches never change an answer."""
    return _quotes(6)


def _columns(board: Board) -> list[list[float]]:
    return [column.tolist() for column in (*board[1:10], *board.greeks)]


def _on_grid(prices: np.ndarray, product: str) -> bool:
    ((above, wide),) = OPTIONS[product].tick_size_steps
    ticks = np.where(prices > above, wide, OPTIONS[product].tick_size)
    steps = prices / ticks
    return bool(np.all(np.abs(steps - np.round(steps)) < 1e-6))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("product", OPTIONS)
@pytest.mark.parametrize("at", [NOW, ROLL - SECOND, ROLL, NOW - 300 * DAY])
def test_bid_mark_ask_are_in_order_and_on_the_grid(seed: int, product: str, at: int) -> None:
    """Always bid <= mark <= ask, bid < ask, both on Deribit's ticks, also a second to expiry."""
    board = _quotes(seed).board(product, at)
    assert (board.bid <= board.mark).all()
    assert (board.mark <= board.ask).all()
    assert (board.bid < board.ask).all()
    assert _on_grid(board.bid, product)
    assert _on_grid(board.ask, product)
    assert all(np.isfinite(column).all() for column in (*board[1:10], *board.greeks))


def test_mark_is_black_76_on_the_published_volatility(quotes: Quotes) -> None:
    """The mark is the coin price at the rounded volatility and the forward of its expiry."""
    board = quotes.board("BTC", NOW)
    assert np.round(board.mark_iv, 4).tolist() == board.mark_iv.tolist()
    for row in range(0, len(board.listings), 37):
        option = board.listings[row]
        assert option.strike is not None
        assert option.option_type is not None
        years = (option.expires_at - NOW) / YEAR
        forward = quotes.market.forward("BTC", option.expires_at, NOW)
        assert board.underlying_price[row] == forward
        assert board.mark[row] == pytest.approx(
            inverse_price(
                option.option_type, forward, option.strike, years, float(board.mark_iv[row])
            ),
            abs=1e-15,
        )


def test_marks_keep_parity(quotes: Quotes) -> None:
    """Call less put is 1 - K/F on every strike of every expiry."""
    board = quotes.board("ETH", NOW)
    strikes = np.array([one.strike for one in board.listings], dtype=np.float64)
    calls, puts = slice(0, None, 2), slice(1, None, 2)
    assert {one.option_type for one in board.listings[calls]} == {"call"}
    gap = 1.0 - strikes[calls] / board.underlying_price[calls]
    assert board.mark[calls] - board.mark[puts] == pytest.approx(gap, abs=1e-13)


def test_quoted_volatilities_invert_the_quotes(quotes: Quotes) -> None:
    """Bid and ask volatility agree with the pricing module's inversion, 0 where there is none."""
    for at in (NOW, ROLL - 20 * SECOND):
        board = quotes.board("BTC", at)
        signs = np.array([1 if one.option_type == "call" else -1 for one in board.listings])
        strikes = np.array([one.strike for one in board.listings], dtype=np.float64)
        years = np.array([(one.expires_at - at) / YEAR for one in board.listings])
        for side, vols in ((board.bid, board.bid_iv), (board.ask, board.ask_iv)):
            paid = side * board.underlying_price
            exact = implied_vol(signs, paid, board.underlying_price, strikes, years)
            solved = exact.status == ImpliedVolStatus.SOLVED
            assert solved.mean() > 0.5
            assert vols[solved] == pytest.approx(exact.vol[solved], rel=2e-5)
            assert (vols[~solved] == 0.0).all()


def test_empty_bids_are_zero_price_and_zero_amount(quotes: Quotes) -> None:
    """Far from the money no one bids: price, amount and volatility are 0 together."""
    board = quotes.board("BTC", ROLL - 2 * HOUR)
    empty = board.bid == 0.0
    assert 0 < empty.sum() < 0.5 * len(empty)
    assert (board.bid_amount[empty] == 0.0).all()
    assert (board.bid_iv[empty] == 0.0).all()
    assert (board.bid_amount[~empty] > 0.0).all()
    assert np.abs(board.greeks.delta[empty]).max() < 0.05
    assert (board.ask_amount > 0.0).all()


@pytest.mark.parametrize("product", OPTIONS)
def test_amounts_are_on_the_step(quotes: Quotes, product: str) -> None:
    """Sizes are multiples of the minimum amount."""
    board = quotes.board(product, NOW)
    step = board.listings[0].min_trade_amount
    for amounts in (board.bid_amount, board.ask_amount):
        assert np.allclose(amounts / step, np.round(amounts / step), atol=1e-6)
        assert amounts.max() < 3_000 * step


def test_spreads_widen_with_life_and_volatility() -> None:
    """At the money a long option's spread exceeds a short one's, a wild market's a calm one's."""
    short: list[float] = []
    long_: list[float] = []
    calm: list[float] = []
    wild: list[float] = []
    for seed in range(12):
        board = _quotes(seed).board("BTC", NOW)
        spread = board.ask - board.bid
        money = np.abs(np.abs(board.greeks.delta) - 0.5) < 0.15
        life = np.array([one.expires_at - NOW for one in board.listings])
        short.append(spread[money & (life < 5 * DAY)].mean())
        long_.append(spread[money & (life > 60 * DAY)].mean())
        middle = money & (life > 20 * DAY) & (life < 60 * DAY)
        (wild if board.mark_iv[middle].mean() > 0.58 else calm).append(spread[middle].mean())
    assert np.mean(long_) > 2.0 * np.mean(short)
    assert np.mean(wild) > np.mean(calm)


def test_books_are_still_for_stretches(quotes: Quotes) -> None:
    """From one grid step to the next most books stand; over ten minutes most have moved."""
    changed = []
    boards = [quotes.board("BTC", NOW + step * 5 * SECOND) for step in range(121)]
    for before, after in pairwise(boards):
        moved = np.zeros(len(before.bid), dtype=bool)
        for column in range(1, 5):
            moved |= np.asarray(before[column]) != np.asarray(after[column])
        changed.append(moved.mean())
    assert 0.01 < np.mean(changed) < 0.35
    assert (boards[0].bid_amount != boards[-1].bid_amount).mean() > 0.8
    assert (boards[0].mark != boards[1].mark).mean() > 0.9


def test_one_option_equals_its_row(quotes: Quotes) -> None:
    """A single quote, a few of them and the whole board agree to the bit."""
    board = quotes.board("ETH", NOW)
    some = board.listings[3:400:11]
    few = quotes.options(some, NOW)
    assert _columns(few) == [column[3:400:11] for column in _columns(board)]
    for row in range(0, len(board.listings), 29):
        alone = quotes.option(board.listings[row], NOW)
        whole = [float(np.asarray(column)[row]) for column in board[1:10]]
        assert list(alone[:9]) == whole
        assert list(alone.greeks) == [float(figure[row]) for figure in board.greeks]
        assert alone.index_price == quotes.market.spot("ETH", NOW)


def test_quotes_are_a_function_of_seed_and_instant() -> None:
    """Two venues of one seed agree in any order; another seed's books differ."""
    one, other = _quotes(6), _quotes(6)
    instants = [NOW + step * 17 * MINUTE for step in range(5)]
    forward = [_columns(one.board("BTC", at)) for at in instants]
    backward = [_columns(other.board("BTC", at)) for at in reversed(instants)]
    assert forward == backward[::-1]
    assert _columns(_quotes(7).board("BTC", NOW)) != forward[0]


def test_expired_options_have_no_quote(quotes: Quotes) -> None:
    """An option is quoted until its expiry and refused by name from then on."""
    option = next(one for one in quotes.listings.options("BTC", NOW) if one.expires_at == ROLL)
    assert quotes.option(option, ROLL - 1).ask > 0.0
    with pytest.raises(ValueError, match=option.name):
        quotes.option(option, ROLL)
    assert option not in quotes.listings.options("BTC", ROLL)


def test_linear_options_are_priced_in_dollars(quotes: Quotes) -> None:
    """A linear option's mark is the Black-76 value itself, its inverse twin's that over F."""
    linear, inverse = quotes.board("BTC_USDC", NOW), quotes.board("BTC", NOW)
    by_terms = {
        (one.expires_at, one.strike, one.option_type): row
        for row, one in enumerate(inverse.listings)
    }
    shared = 0
    for row, one in enumerate(linear.listings):
        twin = by_terms.get((one.expires_at, one.strike, one.option_type))
        if twin is not None:
            shared += 1
            coin = inverse.mark[twin] * inverse.underlying_price[twin]
            assert linear.mark[row] == pytest.approx(coin, rel=1e-12)
            assert linear.mark_iv[row] == inverse.mark_iv[twin]
    assert shared > 100


def test_rows_can_have_their_own_instants(quotes: Quotes) -> None:
    """Options quoted each at its own instant equal their single quotes."""
    some = quotes.listings.options("ETH_USDC", NOW)[5:100:17]
    instants = NOW - HOUR * np.arange(len(some))
    together = quotes.options(some, instants)
    for row, (one, at) in enumerate(zip(some, instants.tolist(), strict=True)):
        alone = quotes.option(one, at)
        assert [float(np.asarray(column)[row]) for column in together[1:10]] == list(alone[:9])


def test_a_print_takes_from_the_book(quotes: Quotes) -> None:
    """Right after an option's print the side it hit shows that much less, later it is refilled."""
    tape = Tape(quotes)
    seen = 0
    for listing in quotes.listings.options("BTC", NOW)[10:200:9]:
        prints = tape.by_time(listing, NOW - 5 * HOUR, NOW, NOW)
        if not prints.at.size or prints.contracts[-1] == 0.0:
            continue
        at, buy = int(prints.at[-1]), bool(prints.buy[-1])
        met, taken = quotes.option_prints((listing,), np.array([at]))
        before = float((met.ask_amount if buy else met.bid_amount)[0])
        after = quotes.option(listing, at)
        left = after.ask_amount if buy else after.bid_amount
        step = listing.min_trade_amount
        assert left == pytest.approx(max(before - float(taken.amount[0]), step))
        seen += left < before
    assert seen > 5


def test_caches_do_not_change_answers() -> None:
    """Boards asked for in sequence equal the board of a venue that never saw another instant."""
    walked = _quotes(3)
    for step in range(40):
        walked.board("SOL_USDC", NOW + step * 97 * SECOND)
    at = NOW + 40 * 97 * SECOND
    assert _columns(walked.board("SOL_USDC", at)) == _columns(_quotes(3).board("SOL_USDC", at))
