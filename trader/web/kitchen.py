"""What is served to many? Bytes that are made once for all who ask within a second."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from trader.views.reading import Reading
    from trader.web.window import Window

FRESH_S: Final = 1.0
"""Wall seconds for which one making serves all who ask for the same."""
REST: Final = 9.0
"""What takes long to make serves so many times as long: making takes a tenth of the time."""
KEPT_MAX: Final = 256
KEPT_BYTES_MAX: Final = 64_000_000
SMALL_BYTES: Final = 1_400
"""What fits into one packet is not compressed."""
GZIP_WBITS: Final = 31
GZIP_LEVEL: Final = 4


class Dish(msgspec.Struct, frozen=True):
    """Bytes ready to be served: plain, compressed where that saves, and the tag they go by."""

    body: bytes
    gzipped: bytes | None
    tag: str

    @classmethod
    def of(cls, body: bytes) -> Dish:
        """Prepare bytes; it takes milliseconds of a large page, so not on the loop."""
        gzipped = None
        if len(body) > SMALL_BYTES:
            packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WBITS)
            packed = packer.compress(body) + packer.flush()
            gzipped = packed if len(packed) < len(body) else None
        return cls(body, gzipped, hashlib.blake2b(body, digest_size=12).hexdigest())


EMPTY: Final = Dish(b"", None, "")


class Made:
    """What was made last, and who may make it anew."""

    __slots__ = ("dish", "fresh_until", "turn")

    def __init__(self) -> None:
        self.fresh_until = float("-inf")
        self.dish = EMPTY
        self.turn = asyncio.Lock()


class Kitchen:
    """Pages and answers as bytes, each made at most once a second however many ask.

    What takes long is made more seldom.
    Bounded in number and in bytes: what nobody asked for longest is forgotten.
    """

    def __init__(self, window: Window, kept_max: int = KEPT_MAX) -> None:
        self._window = window
        self._kept_max = kept_max
        self._kept: dict[str, Made] = {}

    async def dish(self, key: str, make: Callable[[Reading], bytes]) -> Dish:
        """Give what goes by `key`, made by `make` beside the engine where it is not fresh.

        Raises whatever `make` raises.
        """
        loop, made = asyncio.get_running_loop(), self._kept.pop(key, None) or Made()
        self._kept[key] = made  # the newest asked for is last, the first is forgotten first
        while len(self._kept) > self._kept_max:
            del self._kept[next(iter(self._kept))]
        async with made.turn:
            if loop.time() >= made.fresh_until:

                def cook(reading: Reading) -> tuple[Dish, float]:
                    began = loop.time()
                    dish = Dish.of(make(reading))
                    return dish, loop.time() - began

                try:
                    made.dish, took = await self._window.read(cook)
                except BaseException:
                    self._kept.pop(key, None)  # an error keeps no place
                    raise
                made.fresh_until = loop.time() + max(FRESH_S, REST * took)
                self._clear_up()
            return made.dish

    def _clear_up(self) -> None:
        held = sum(_weight(one) for one in self._kept.values())
        while held > KEPT_BYTES_MAX and len(self._kept) > 1:
            held -= _weight(self._kept.pop(next(iter(self._kept))))


def _weight(made: Made) -> int:
    return len(made.dish.body) + len(made.dish.gzipped or b"")


def serve_dish(request: web.Request, dish: Dish, content_type: str) -> web.Response:
    """Send bytes with their ETag, compressed for who takes it; 304 where the asker has them."""
    from aiohttp import web

    headers = {
        "ETag": f'W/"{dish.tag}"', "Cache-Control": "no-cache", "Vary": "Accept-Encoding"
    }  # fmt: skip
    if any(one.value in (dish.tag, "*") for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = dish.body
    if dish.gzipped is not None and _takes_gzip(request.headers.get("Accept-Encoding", "")):
        body, headers["Content-Encoding"] = dish.gzipped, "gzip"
    return web.Response(body=body, content_type=content_type, charset="utf-8", headers=headers)


def answer(request: web.Request, body: bytes, content_type: str) -> web.Response:
    """Send bytes that were made for this request, as they are; 304 where the asker has them."""
    tag = hashlib.blake2b(body, digest_size=12).hexdigest()
    return serve_dish(request, Dish(body, None, tag), content_type)


def _takes_gzip(accepted: str) -> bool:
    """Whether an asker takes gzip: named, and not at weight 0."""
    for offer in accepted.lower().split(","):
        name, _, weight = offer.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
