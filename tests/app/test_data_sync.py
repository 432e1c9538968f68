"""Does history arrive whole, once, and go on where it stopped?"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.app.venue_history import NOW, VenueHistory
from trader.app.data_spans import day_start
from trader.app.data_sync import WHAT, Sync
from trader.deribit.server_session import ServerError
from trader.domain.errors import FeedError
from trader.domain.units import DAY, HOUR
from trader.storage.datasets import DatasetStore

MARCH = day_start("2026-03-10")


class Talk:
    """A sync against a scripted venue, without a wire; what was said is kept."""

    def __init__(self, root: Path, venue: VenueHistory, old: VenueHistory | None = None) -> None:
        self.said: list[str] = []
        self.store = DatasetStore(root)
        self.sync = Sync(
            self.store,
            self._call(venue),
            self.said.append,
            now=NOW,
            old_trades=None if old is None else self._call(old),
        )

    @staticmethod
    def _call(venue: VenueHistory):  # type: ignore[no-untyped-def]
        async def call(method: str, params: dict[str, object]) -> msgspec.Raw:
            try:
                return msgspec.Raw(msgspec.json.encode(venue.answer(method, params)))
            except ServerError as error:
                raise FeedError(str(error)) from error

        return call

    def times(self, what: str, subject: str) -> list[int]:
        """Read the instants held."""
        found: list[int] = self.store.read(what, subject).column("at").to_pylist()
        return found


@pytest.mark.parametrize(
    ("what", "subject"),
    [("candles", "BTC-PERPETUAL"), ("funding", "BTC-PERPETUAL"), ("dvol", "BTC")],
)
async def test_every_hour_arrives_once_and_is_not_asked_for_again(
    tmp_path: Path, what: str, subject: str
) -> None:
    """Three months, page by page; the second run asks nothing, a longer span only what is new."""
    venue = VenueHistory()
    talk = Talk(tmp_path, venue)
    last_hour = NOW - NOW % HOUR
    rows = await talk.sync.run(what, "BTC", (MARCH, NOW))
    assert talk.times(what, subject) == list(range(MARCH, last_hour, HOUR))
    assert rows == (last_hour - MARCH) // HOUR
    asked = len(venue.calls)
    assert await talk.sync.run(what, "BTC", (MARCH, NOW)) == 0
    assert len(venue.calls) == asked
    assert await talk.sync.run(what, "BTC", (MARCH - DAY, NOW)) == 24
    assert talk.times(what, subject)[0] == MARCH - DAY
    assert f"{what} {subject} 2026-03: 528 rows (1 of 4)" in talk.said


async def test_a_sync_that_was_cut_goes_on_where_it_was(tmp_path: Path) -> None:
    """The chunks that were written stay, and only the others are asked for."""
    venue = VenueHistory()
    venue.fail_after = 2
    with pytest.raises(FeedError):
        await Talk(tmp_path, venue).sync.run("candles", "BTC", (MARCH, NOW))
    held = len(Talk(tmp_path, venue).times("candles", "BTC-PERPETUAL"))
    assert 0 < held < 2_000
    again = VenueHistory()
    talk = Talk(tmp_path, again)
    await talk.sync.run("candles", "BTC", (MARCH, NOW))
    assert len(talk.times("candles", "BTC-PERPETUAL")) == (NOW - NOW % HOUR - MARCH) // HOUR
    assert [name for name, _ in again.calls] == ["public/get_tradingview_chart_data"] * 2


async def test_points_become_fractions(tmp_path: Path) -> None:
    """46.5 points of volatility are 0.465, and the IV of a trade likewise."""
    talk = Talk(tmp_path, VenueHistory())
    await talk.sync.run("dvol", "BTC", (NOW - DAY, NOW))
    assert set(talk.store.read("dvol", "BTC").column("close").to_pylist()) == {0.465}
    await talk.sync.run("trades", "BTC", (NOW - 10 * HOUR, NOW))
    [iv] = set(talk.store.read("trades", "BTC").column("iv").to_pylist())
    assert iv == pytest.approx(0.4802)


async def test_trades_that_share_an_instant_all_arrive(tmp_path: Path) -> None:
    """Pages of seven cut between two trades of one millisecond: none is lost or doubled."""
    talk = Talk(tmp_path, VenueHistory())
    start = NOW - NOW % HOUR - 20 * HOUR
    assert await talk.sync.run("trades", "BTC", (start, NOW)) == 40
    assert talk.times("trades", "BTC") == [start + n * HOUR for n in range(20) for _ in (0, 1)]


async def test_old_trades_come_from_the_history_host_or_are_said_to_be_missing(
    tmp_path: Path,
) -> None:
    """The main host is silent beyond 24 hours: without the other host nothing is marked as held."""
    start = NOW - NOW % HOUR - 5 * DAY
    without = Talk(tmp_path, VenueHistory())
    await without.sync.run("trades", "BTC", (start, NOW))
    assert without.times("trades", "BTC")[0] > NOW - DAY
    assert any("--history-url" in line for line in without.said)
    old = VenueHistory(trades_reach_ms=10**12)
    within = Talk(tmp_path, VenueHistory(), old)
    await within.sync.run("trades", "BTC", (start, NOW))
    assert within.times("trades", "BTC")[0] == start
    assert len(within.times("trades", "BTC")) == 2 * 5 * 24
    assert old.asked("get_last_trades_by_currency_and_time") > 0


async def test_more_trades_in_one_millisecond_than_a_page_holds_are_told(tmp_path: Path) -> None:
    """Paging by time would turn forever: an error that names the instant instead."""
    venue = VenueHistory()

    async def stuck(method: str, params: dict[str, object]) -> msgspec.Raw:
        page = venue.answer(method, {**params, "count": 2})
        assert isinstance(page, dict)
        return msgspec.Raw(msgspec.json.encode({**page, "has_more": True}))

    sync = Sync(DatasetStore(tmp_path), stuck, print, now=NOW, old_trades=None)
    with pytest.raises(FeedError, match="share one millisecond"):
        await sync.run("trades", "BTC", (NOW - 3 * HOUR, NOW))


async def test_deliveries_stop_at_what_is_held(tmp_path: Path) -> None:
    """A hundred days in pages of forty, then one page that finds nothing new."""
    venue = VenueHistory()
    talk = Talk(tmp_path, venue)
    assert await talk.sync.run("deliveries", "BTC", (0, NOW)) == 100
    assert venue.asked("get_delivery_prices") == 3
    assert await talk.sync.run("deliveries", "BTC", (0, NOW)) == 0
    assert venue.asked("get_delivery_prices") == 4
    times = talk.times("deliveries", "BTC")
    assert times == [20_506 * DAY + 8 * HOUR + n * DAY for n in range(100)]


async def test_instruments_come_with_the_expired_ones(tmp_path: Path) -> None:
    """Each once, the state of the last look."""
    talk = Talk(tmp_path, VenueHistory())
    assert await talk.sync.run("instruments", "BTC", (0, NOW)) == 2
    await talk.sync.run("instruments", "BTC", (0, NOW))
    table = talk.store.read("instruments", "BTC")
    found = dict(
        zip(table.column("instrument").to_pylist(), table.column("active").to_pylist(), strict=True)
    )
    assert found == {"BTC-1JUN26-100000-C": False, "BTC-25DEC26-100000-C": True}
    assert await talk.sync.run("instruments", "BTC", (0, NOW)) == 0


async def test_settlements_come_month_by_month_from_the_newest_back(tmp_path: Path) -> None:
    """Deliveries, settlements and bankruptcies of the span, each once; nothing is asked twice."""
    venue = VenueHistory()
    talk = Talk(tmp_path, venue)
    assert await talk.sync.run("settlements", "BTC", (MARCH, NOW)) == 2 * 84 + 8
    table = talk.store.read("settlements", "BTC")
    assert table.num_rows == 2 * 84 + 8
    kinds = table.column("type").to_pylist()
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "delivery": 84, "settlement": 84, "bankruptcy": 8,
    }  # fmt: skip
    assert table.column("at")[0].as_py() == MARCH + 8 * HOUR + 23_000_000
    asked = len(venue.calls)
    assert await talk.sync.run("settlements", "BTC", (MARCH, NOW)) == 0
    assert len(venue.calls) == asked


async def test_a_venue_that_pages_in_a_circle_is_a_feed_error(tmp_path: Path) -> None:
    """A continuation that stands still would be asked for ever."""

    async def call(_: str, __: dict[str, object]) -> msgspec.Raw:
        page = {"settlements": [{"type": "settlement", "timestamp": NOW // 1_000_000}]}
        return msgspec.Raw(msgspec.json.encode(page | {"continuation": "again"}))

    sync = Sync(DatasetStore(tmp_path), call, print, now=NOW + HOUR, old_trades=None)
    with pytest.raises(FeedError, match="stands still"):
        await sync.run("settlements", "BTC", (NOW - DAY, NOW + HOUR))


@pytest.mark.parametrize("name", ["SOL_USDC", "SOL"])
async def test_a_linear_pair_is_asked_for_by_its_own_names(name: str, tmp_path: Path) -> None:
    """Its perpetual and its index; trades and contracts are those of its settlement currency.
    SOL is asked for as its pair is: nothing is settled in it.
    """
    venue = VenueHistory()
    talk = Talk(tmp_path, venue)
    for what in WHAT:
        await talk.sync.run(what, name, (NOW - 3 * DAY, NOW))
    asked = {
        str(params.get("instrument_name") or params.get("index_name") or params.get("currency"))
        for _, params in venue.calls
    }
    assert asked == {"SOL_USDC-PERPETUAL", "sol_usdc", "USDC"}
    assert venue.asked("get_volatility_index_data") == 0
    assert "dvol SOL: there is none, only of BTC, ETH" in talk.said


async def test_an_answer_of_another_shape_is_a_feed_error(tmp_path: Path) -> None:
    """Nothing is guessed and nothing marked as fetched."""

    async def call(_: str, __: dict[str, object]) -> msgspec.Raw:
        return msgspec.Raw(b'{"surprise": 1}')

    sync = Sync(DatasetStore(tmp_path), call, print, now=NOW, old_trades=None)
    for what in WHAT:
        with pytest.raises(FeedError):
            await sync.run(what, "BTC", (NOW - 3 * HOUR, NOW))
    assert DatasetStore(tmp_path).holdings(check=False) == []
    assert DatasetStore(tmp_path).missing("candles", "BTC-PERPETUAL", (0, NOW)) == [(0, NOW)]
