"""What is said on the wire? Deribit's JSON-RPC frames and payloads as typed values, in its units.

Prices, percents and milliseconds stand here as Deribit sends them; only `translate` changes them.
Fields nobody reads are skipped by the decoder: a new field of the venue costs and breaks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Raw

from trader.domain.errors import FeedError

T = TypeVar("T")

CLIENT_FRAME_BYTES_MAX: Final = 32 * 1024
"""The largest frame a client may send (Deribit, "request entity too large")."""

RequestId = int | str | None

Milliseconds = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""An instant of a push. JSON has integers without end; what a float cannot hold is no instant."""


class Ticker(msgspec.Struct, frozen=True, gc=False):
    """Payload of `ticker.*`: the touch of one instrument. IV in percent, time in ms.

    An empty side is null in the documentation and 0.0 on the live wire.
    """

    instrument_name: str
    timestamp: Milliseconds
    state: str = "open"
    best_bid_price: float | None = None
    best_bid_amount: float | None = None
    best_ask_price: float | None = None
    best_ask_amount: float | None = None
    mark_price: float | None = None
    index_price: float | None = None
    mark_iv: float | None = None
    bid_iv: float | None = None
    ask_iv: float | None = None
    underlying_price: float | None = None
    current_funding: float | None = None
    funding_8h: float | None = None


class IndexTick(msgspec.Struct, frozen=True, gc=False):
    """Payload of `deribit_price_index.*`, once a second."""

    index_name: str
    timestamp: Milliseconds
    price: float


BookRow = tuple[Literal["new", "change", "delete"], float, float]
"""What became of one level: the action, its price, its amount (0 where it was deleted)."""


class BookUpdate(msgspec.Struct, frozen=True):
    """Payload of `book.{instrument}.{interval}`: a whole book, or what changed since the last.

    A snapshot names no state before it; a change always does.
    """

    instrument_name: str
    timestamp: Milliseconds
    change_id: int
    type: Literal["snapshot", "change"]
    prev_change_id: int | None = None
    bids: tuple[BookRow, ...] = ()
    asks: tuple[BookRow, ...] = ()


class TickSizeStep(msgspec.Struct, frozen=True, gc=False):
    """One rung of the price ladder: `tick_size` holds above `above_price`."""

    above_price: float
    tick_size: float


class InstrumentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `public/get_instruments`; perpetuals expire in the year 3000.

    Rows of old catalogs name neither index nor settlement currency.
    """

    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    expiration_timestamp: int
    tick_size: float
    min_trade_amount: float
    contract_size: float
    maker_commission: float
    taker_commission: float
    price_index: str = ""
    creation_timestamp: int = 0
    instrument_id: int = 0
    is_active: bool = True
    state: str = "open"
    tick_size_steps: tuple[TickSizeStep, ...] = ()
    counter_currency: str | None = None
    settlement_currency: str | None = None
    settlement_period: str | None = None
    instrument_type: str | None = None
    option_type: str | None = None
    strike: float | None = None


class DeliveryRow(msgspec.Struct, frozen=True, gc=False):
    """The delivery price of one day: `date` is `YYYY-MM-DD`, at 08:00 UTC."""

    date: str
    delivery_price: float


class DeliveryPrices(msgspec.Struct, frozen=True):
    """Result of `public/get_delivery_prices`, newest first; page by offset to `records_total`."""

    data: tuple[DeliveryRow, ...]
    records_total: int


class ChartData(msgspec.Struct, frozen=True):
    """Result of `public/get_tradingview_chart_data`: columns; `ticks` are bar opens in ms."""

    status: str
    ticks: tuple[int, ...] = ()
    open: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    close: tuple[float, ...] = ()
    volume: tuple[float, ...] = ()
    cost: tuple[float, ...] = ()


class SimulatorClock(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `simulator/clock`, which only the bundled exchange knows.

    `epoch_at` and `now_at` are UTC nanoseconds of the market clock; `seed` and `market` name the
    market's path. Where quotes are older than their arrival, `staleness_s` is the age in market
    seconds that is too old; with `assumed_sizes` nobody ever showed the amounts. A `stepped` clock
    stands until every client that paces it asks for `simulator/step`.
    """

    epoch_at: int
    now_at: int
    speed: float
    seed: str
    market: str
    staleness_s: float | None = None
    assumed_sizes: bool = False
    stepped: bool = False


class SimulatorStep(msgspec.Struct, frozen=True, kw_only=True):
    """Result of `simulator/step`: where a replay at full speed stands now, all of it told."""

    now_at: int
    ended: bool


class RequestFailed(FeedError):
    """The venue refused a request, or did not answer it (code 0)."""

    def __init__(self, method: str, code: int, message: str, reason: str = "") -> None:
        self.method = method
        self.code = code
        self.message = message
        self.reason = reason
        detail = f" ({reason})" if reason else ""
        super().__init__(f"{method}: {code} {message}{detail}" if code else f"{method}: {message}")


class ErrorBody(msgspec.Struct, frozen=True):
    """The `error` member of an answer; `data` is `{reason, param}`, a string, or absent."""

    code: int
    message: str = ""
    data: Any = None

    @property
    def reason(self) -> str:
        """Say what `data` says, on one line."""
        if isinstance(self.data, dict):
            return " ".join(str(self.data[key]) for key in ("reason", "param") if key in self.data)
        return "" if self.data is None else str(self.data)


class Params(msgspec.Struct, frozen=True):
    """Params of what a server sends: `channel` and `data`, or the `type` of a heartbeat."""

    channel: str = ""
    data: Raw = Raw()
    type: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """Any frame a server sends; `result` is empty where there is none."""

    id: RequestId = None
    method: str = ""
    params: Params | None = None
    result: Raw = Raw()
    error: ErrorBody | None = None


class CallEnvelope(msgspec.Struct, frozen=True):
    """Any frame a client sends."""

    method: str
    id: RequestId = None
    params: dict[str, Any] = msgspec.field(default_factory=dict)


UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)

NOTIFICATION_END: Final = b"}}"
_decode_call = msgspec.json.Decoder(CallEnvelope).decode
_decode_rows = msgspec.json.Decoder(list[Raw]).decode
_decode_instrument = msgspec.json.Decoder(InstrumentRow).decode
_encode = msgspec.json.encode


def read_call(frame: bytes) -> CallEnvelope | ErrorBody:
    """Decode a frame from a client; what cannot be one becomes the error to answer with.

    A method may begin with a slash, as in an address: deribit-wrapper writes it so.
    """
    if len(frame) > CLIENT_FRAME_BYTES_MAX:
        return ErrorBody(-32600, "request entity too large")
    try:
        str(frame, "utf-8")  # the decoder does not look into the strings that it skips
        call = _decode_call(frame)
    except msgspec.ValidationError as error:
        return ErrorBody(11050, "bad_request", str(error))
    except UNREADABLE:
        return ErrorBody(11050, "bad_request", "invalid json")
    if not call.method.startswith("/"):
        return call
    return msgspec.structs.replace(call, method=call.method[1:])


def decode_result(result: Raw, kind: type[T]) -> T:
    """Decode the result of a call.

    Raises:
        FeedError: it does not have that shape.
    """
    try:
        return msgspec.json.decode(result, type=kind)
    except UNREADABLE as error:
        name = getattr(kind, "__name__", str(kind))
        raise FeedError(f"answer is no {name}: {error}") from error


def decode_instruments(result: Raw) -> tuple[list[InstrumentRow], list[str]]:
    """Decode a catalog row by row: (rows, one line per row that could not be read).

    One row of a new shape must not cost the whole catalog (ccxt#17656).

    Raises:
        FeedError: not a list at all.
    """
    try:
        raws = _decode_rows(result)
    except UNREADABLE as error:
        raise FeedError(f"answer is no list of instruments: {error}") from error
    rows: list[InstrumentRow] = []
    skipped: list[str] = []
    for raw in raws:
        try:
            rows.append(_decode_instrument(raw))
        except UNREADABLE as error:
            skipped.append(f"{bytes(raw)[:80].decode('ascii', 'backslashreplace')}: {error}")
    return rows, skipped


def request_frame(id_: RequestId, method: str, params: dict[str, Any]) -> bytes:
    """Write a request; without `id_` it carries none."""
    return _encode(_identified(id_) | {"method": method, "params": params})


def result_frame(id_: RequestId, result: object, us_in: int, us_out: int, testnet: bool) -> bytes:
    """Write an answer; the id is echoed with its type, and left out where there was none."""
    return _encode(_identified(id_) | {"result": result} | _timed(us_in, us_out, testnet))


def error_frame(id_: RequestId, error: ErrorBody, us_in: int, us_out: int, testnet: bool) -> bytes:
    """Write an answer that refuses."""
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.data is not None:
        body["data"] = error.data
    return _encode(_identified(id_) | {"error": body} | _timed(us_in, us_out, testnet))


def notification_frame(channel: str, content: object) -> bytes:
    """Write a push; the channel comes first, so that readers can tell the payload by its prefix."""
    return notification_head(channel) + _encode(content) + NOTIFICATION_END


def notification_head(channel: str) -> bytes:
    """Write what stands before the content of a push; `NOTIFICATION_END` stands behind it."""
    head = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel}}
    return _encode(head).removesuffix(NOTIFICATION_END) + b',"data":'


def heartbeat_frame(type_: Literal["heartbeat", "test_request"]) -> bytes:
    """Write a heartbeat of the server."""
    return _encode({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": type_}})


def chunk_channels(channels: Sequence[str], count_max: int, bytes_max: int) -> list[list[str]]:
    """Cut a list of channels into calls of at most `count_max` names and `bytes_max` of JSON.

    Raises:
        ValueError: one name alone is too long for a call.
    """
    chunks: list[list[str]] = []
    size = bytes_max + 1
    for channel in channels:
        length = len(_encode(channel)) + 1
        if length > bytes_max:
            raise ValueError(
                f"channel {channel[:40]!r}...: {length} bytes, a call holds {bytes_max}"
            )
        if size + length > bytes_max or len(chunks[-1]) >= count_max:
            chunks.append([])
            size = 0
        chunks[-1].append(channel)
        size += length
    return chunks


def _identified(id_: RequestId) -> dict[str, object]:
    return {"jsonrpc": "2.0"} if id_ is None else {"jsonrpc": "2.0", "id": id_}


def _timed(us_in: int, us_out: int, testnet: bool) -> dict[str, object]:
    return {"usIn": us_in, "usOut": us_out, "usDiff": us_out - us_in, "testnet": testnet}
