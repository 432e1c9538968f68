"""Do our results and notifications have the keys, types and nulls of the documented samples?

The samples are invented answers of the real exchange, one per method and channel, in a file beside
the market data; where it is absent, `test_shapes` checks the same against a schema of our own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.deribit.simulator.shapes import Shape, merged, misfits, shape_of
from trader.deribit.server_auth import DEMO_ACCOUNTS, Authority
from trader.deribit.server_session import ServerSession
from trader.deribit.simulator.archive import Archive
from trader.deribit.simulator.channels import Subscriptions, parse_channel
from trader.deribit.simulator.clock import DEMO_START_AT
from trader.deribit.simulator.exchange import Exchange
from trader.deribit.simulator.listing import Listing
from trader.deribit.simulator.market import Market
from trader.deribit.simulator.publisher import Publisher
from trader.deribit.simulator.seeded_venue import SeededVenue
from trader.deribit.simulator.venue import last_settlement
from trader.domain.units import DAY, HOUR, MILLISECOND, MINUTE, SECOND

pytestmark = pytest.mark.real_data

AT = DEMO_START_AT
MS = AT // MILLISECOND
PERPETUAL = "BTC-PERPETUAL"
WINDOW: dict[str, Any] = {"start_timestamp": MS - DAY // MILLISECOND, "end_timestamp": MS}


@pytest.fixture(scope="module")
def samples(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Read the samples."""
    folder: Path = request.getfixturevalue("real_data")
    path = folder.parent / "deribit" / "samples.json"
    if not path.is_file():
        pytest.skip(f"no samples in {path}")
    content: dict[str, Any] = json.loads(path.read_text())
    return content


@pytest.fixture(scope="module")
def exchange(venue: SeededVenue) -> Exchange:
    """Make an exchange over the shared venue."""
    return Exchange(venue, Archive(SeededVenue(Market(venue.market.seed))), epoch_at=AT, speed=1.0)


@pytest.fixture(scope="module")
def option(venue: SeededVenue) -> Listing:
    """Choose an option near the money that makes the volatility index."""
    spot, month = venue.market.spot("BTC", AT), AT + 30 * DAY
    board = venue.listings.options("BTC", AT)
    expires_at = max(one.expires_at for one in board if one.expires_at <= month)
    old = [
        one for one in board if one.expires_at == expires_at and one.listed_at < last_settlement(AT)
    ]
    return min(old, key=lambda one: abs((one.strike or 0.0) - spot))


ASKED: dict[str, dict[str, Any]] = {
    "public/get_time": {},
    "public/status": {},
    "public/get_currencies": {},
    "public/get_expirations (currency=BTC kind=option)": {"currency": "BTC", "kind": "option"},
    "public/get_expirations (currency=any kind=any)": {"currency": "any", "kind": "any"},
    "public/get_contract_size": {"instrument_name": PERPETUAL},
    "public/get_index_price": {"index_name": "btc_usd"},
    "public/get_index_price_names": {},
    "public/get_index_price_names (extended=true)": {"extended": True},
    "public/get_supported_index_names": {"type": "derivative"},
    "public/get_index_chart_data": {"index_name": "btc_usd", "range": "1d"},
    "public/get_book_summary_by_currency (kind=option)": {"currency": "BTC", "kind": "option"},
    "public/get_book_summary_by_instrument": {"instrument_name": "OPTION"},
    "public/ticker (option)": {"instrument_name": "OPTION"},
    "public/ticker (option, empty book)": {"instrument_name": "OPTION"},
    "public/ticker (perpetual)": {"instrument_name": PERPETUAL},
    "public/get_order_book (perpetual)": {"instrument_name": PERPETUAL, "depth": 5},
    "public/get_order_book (option)": {"instrument_name": "OPTION"},
    "public/get_tradingview_chart_data": {"instrument_name": PERPETUAL, "resolution": "60"}
    | WINDOW,
    "public/get_tradingview_chart_data (empty)": {
        "instrument_name": PERPETUAL, "resolution": "60", "start_timestamp": MS + 1,
        "end_timestamp": MS + 2},
    "public/get_last_trades_by_currency": {"currency": "BTC", "kind": "option"},
    "public/get_last_trades_by_currency_and_time": {"currency": "BTC", "kind": "option"} | WINDOW,
    "public/get_last_trades_by_instrument": {"instrument_name": PERPETUAL},
    "public/get_last_trades_by_instrument_and_time": {"instrument_name": PERPETUAL} | WINDOW,
    "public/get_volatility_index_data": {"currency": "BTC", "resolution": "3600"} | WINDOW,
    "public/get_historical_volatility": {"currency": "BTC"},
    "public/get_mark_price_history": {"instrument_name": "OPTION"} | WINDOW,
    "public/get_delivery_prices": {"index_name": "btc_usd"},
    "public/get_last_settlements_by_currency": {"currency": "BTC", "count": 200},
    "public/get_last_settlements_by_instrument": {"instrument_name": "EXPIRED"},
    "public/get_funding_rate_history": {"instrument_name": PERPETUAL} | WINDOW,
    "public/get_funding_rate_value": {"instrument_name": PERPETUAL} | WINDOW,
    "public/get_trade_volumes": {},
    "public/get_funding_chart_data": {"instrument_name": PERPETUAL, "length": "8h"},
    "public/get_order_book_by_instrument_id": {"instrument_id": "OPTION"},
    "public/get_combos": {"currency": "any"},
    "public/get_combo_ids": {"currency": "BTC"},
}  # fmt: skip
ALTERNATIVES = {
    "public/status": ["public/status", "public/status (partial lock)"],
    "public/ticker (option)": ["public/ticker (option)", "public/ticker (option, empty book)"],
    "public/ticker (option, empty book)": [
        "public/ticker (option)", "public/ticker (option, empty book)"],
}  # fmt: skip
SESSION: dict[str, dict[str, Any]] = {
    "public/test": {},
    "public/hello": {"client_name": "a", "client_version": "1"},
    "public/set_heartbeat": {"interval": 10},
    "public/disable_heartbeat": {},
    "public/subscribe": {"channels": ["quote.BTC-PERPETUAL"]},
    "public/unsubscribe": {"channels": ["quote.BTC-PERPETUAL"]},
    "public/unsubscribe_all": {},
    "public/auth": {"grant_type": "client_credentials", "client_id": "demo",
                    "client_secret": DEMO_ACCOUNTS["demo"]},
}  # fmt: skip
OF_KIND = (
    "public/get_instruments", "public/get_instrument",
    "public/get_book_summary_by_currency (kind=future)",
)  # fmt: skip
NOT_SERVED = {"public/get_combo_details", "public/status (partial lock)"}
"""No combo is listed, and no index is locked unless a fault says so."""


def test_every_public_sample_is_compared(samples: dict[str, Any]) -> None:
    """A sample that is added is asked about, or named as one we do not serve."""
    public = {name for name in samples["results"] if name.startswith("public/")}
    assert public == set(ASKED) | set(SESSION) | set(OF_KIND) | NOT_SERVED


@pytest.mark.parametrize("name", ASKED)
def test_a_result_fits_its_sample(
    samples: dict[str, Any], exchange: Exchange, option: Listing, name: str
) -> None:
    """Every key of the sample is there, none is new, and what may be null is so in the sample."""
    expired = exchange.venue.expired("BTC", last_settlement(AT))[-1]
    chosen = {"OPTION": option.name, "EXPIRED": expired.name}
    params = {key: chosen.get(str(value), value) for key, value in ASKED[name].items()}
    if "instrument_id" in params:
        params["instrument_id"] = option.instrument_id
    method = name.partition(" ")[0]
    answer = json.loads(json.dumps(exchange.handle(method, params, AT)))
    shape = merged([shape_of(samples["results"][one]) for one in ALTERNATIVES.get(name, [name])])
    assert misfits(answer, shape, name) == []
    if method not in ("public/get_combos", "public/get_combo_ids"):
        assert answer or answer == 0.0


@pytest.mark.parametrize("name", SESSION)
def test_a_session_s_answer_fits_its_sample(samples: dict[str, Any], name: str) -> None:
    """What the connection answers itself."""
    session = ServerSession(
        knows=lambda _channel: True,
        opened=0.0,
        epoch_us=0,
        authority=Authority(DEMO_ACCOUNTS, seed="test"),
    )
    if name != "public/subscribe":
        session.receive(_call("public/subscribe", SESSION["public/subscribe"]), 1.0)
        session.data_to_send()
    session.receive(_call(name, SESSION[name]), 1.0)
    (frame,) = session.data_to_send()
    sample = samples["results"][name]
    shape = f'"{sample}"' if isinstance(sample, str) else shape_of(sample)
    assert misfits(json.loads(frame)["result"], shape, name) == []


def _call(method: str, params: dict[str, Any]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def of_kinds(rows: list[dict[str, Any]]) -> dict[str, Shape]:
    """Read a shape for each kind of row off samples that are full contracts."""
    kinds: dict[str, list[Shape]] = {}
    for row in rows:
        kinds.setdefault(_kind(row), []).append(shape_of(row))
    return {kind: merged(shapes) | NEWER for kind, shapes in kinds.items()}


NEWER = {"underlying_type?": "text"}
"""Documented for 2026, younger than the samples."""


def _kind(row: dict[str, Any]) -> str:
    return str(row["kind"])


def test_every_contract_fits_the_sample_of_its_kind(
    samples: dict[str, Any], exchange: Exchange
) -> None:
    """Options, futures and spot pairs, in the catalog and alone."""
    results = samples["results"]
    shapes = of_kinds([*results["public/get_instruments"], results["public/get_instrument"]])
    rows = exchange.handle("public/get_instruments", {}, AT)
    assert isinstance(rows, list)
    assert {_kind(row) for row in rows} == {"option", "future", "spot"}
    found = [m for row in rows for m in misfits(row, shapes[_kind(row)], row["instrument_name"])]
    assert found == []


def test_the_summary_of_a_perpetual_fits_its_sample(
    samples: dict[str, Any], exchange: Exchange
) -> None:
    """Among the futures, those that have funding."""
    name = "public/get_book_summary_by_currency (kind=future)"
    rows = exchange.handle(
        "public/get_book_summary_by_currency", {"currency": "BTC", "kind": "future"}, AT
    )
    assert isinstance(rows, list)
    perpetuals = [row for row in rows if row["instrument_name"] == PERPETUAL]
    assert len(perpetuals) == 1
    assert misfits(perpetuals, shape_of(samples["results"][name]), name) == []


HEARD: dict[str, tuple[str, tuple[str, ...]]] = {
    "ticker.BTC-PERPETUAL.100ms": ("", ("ticker.{instrument}.{interval} (perpetual)",)),
    "ticker.OPTION.100ms": ("", ("ticker.{instrument}.{interval} (option)",)),
    "incremental_ticker.OPTION": ("type", (
        "incremental_ticker.{instrument} (first)", "incremental_ticker.{instrument} (next)")),
    "book.BTC-PERPETUAL.100ms": ("type", (
        "book.{instrument}.{interval} (snapshot)", "book.{instrument}.{interval} (change)")),
    "book.BTC-PERPETUAL.none.10.100ms": ("", ("book.{instrument}.{group}.{depth}.{interval}",)),
    "quote.OPTION": ("", ("quote.{instrument}",)),
    "trades.BTC-PERPETUAL.100ms": ("", ("trades.{instrument}.{interval}",)),
    "trades.option.BTC.100ms": ("", ("trades.{kind}.{currency}.{interval}",)),
    "deribit_price_index.btc_usd": ("", ("deribit_price_index.{index}",)),
    "deribit_price_ranking.btc_usd": ("", ("deribit_price_ranking.{index}",)),
    "deribit_price_statistics.btc_usd": ("", ("deribit_price_statistics.{index}",)),
    "deribit_volatility_index.btc_usd": ("", ("deribit_volatility_index.{index}",)),
    "markprice.options.btc_usd": ("", ("markprice.options.{index}",)),
    "estimated_expiration_price.btc_usd": ("", ("estimated_expiration_price.{index}",)),
    "perpetual.BTC-PERPETUAL.100ms": ("", ("perpetual.{instrument}.{interval}",)),
    "chart.trades.BTC-PERPETUAL.1": ("", ("chart.trades.{instrument}.{resolution}",)),
    "instrument.state.option.BTC": ("", ("instrument.state.{kind}.{currency}",)),
    "instrument.creation.option.BTC": ("", ("instrument.creation.{kind}.{currency}",)),
    "platform_state": ("", ("platform_state (index lock)",)),
    "platform_state.public_methods_state": ("", ("platform_state.public_methods_state",)),
    "announcements": ("", ("announcements",)),
}  # fmt: skip
NOT_HEARD = {"platform_state (maintenance)"}
"""Only while a fault asks for it."""


def test_every_public_channel_is_compared(samples: dict[str, Any]) -> None:
    """A sample that is added is listened for, or named as one that only a fault sends."""
    public = {name for name in samples["notifications"] if not name.startswith("user.")}
    assert public == {name for _, names in HEARD.values() for name in names} | NOT_HEARD


@pytest.mark.parametrize("name", HEARD)
def test_a_notification_fits_its_sample(
    samples: dict[str, Any], venue: SeededVenue, option: Listing, name: str
) -> None:
    """All that is heard over an 08:00 that lists a new week, each told apart by its type."""
    by, sample_names = HEARD[name]
    sampled = [samples["notifications"][one]["params"]["data"] for one in sample_names]
    shapes = {one[by] if by else "": shape_of(one) for one in sampled}
    if name.startswith("instrument.creation"):
        shapes[""] |= NEWER
    if name.startswith("incremental"):
        shapes["change"] = partial(shapes["snapshot"])
    channel = parse_channel(name.replace("OPTION", option.name))
    assert channel is not None
    publisher, subscriptions = Publisher(venue), Subscriptions()
    subscriptions.add(channel)
    thursday = last_settlement(AT) + next(
        days * DAY for days in range(7, 14) if (last_settlement(AT) // DAY + days) % 7 == 0
    )
    heard: list[Any] = []
    for at in (thursday - SECOND, thursday + SECOND, *range(thursday + 4 * SECOND,
               thursday + MINUTE, 7 * SECOND), thursday + HOUR):  # fmt: skip
        publisher.refresh([channel], at)
        frames = publisher.frames(subscriptions, slow=True)
        heard += [json.loads(frame)["params"]["data"] for _, frame in frames]
    assert {one[by] if by else "" for one in heard} == set(shapes)
    for data in heard:
        assert misfits(data, shapes[data[by] if by else ""], name) == []


def partial(shape: Shape) -> Shape:
    """Allow any member of an object to be missing, nested ones too."""
    if not isinstance(shape, dict):
        return shape
    return {f"{name.removesuffix('?')}?": partial(kind) for name, kind in shape.items()}
