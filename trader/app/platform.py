"""Is the exchange open for business? What it says of itself, and what its refusals say.

While it is not, nothing it displays can be traded on: the engine hears that the feed is lost to
maintenance, and that it is restored once the exchange is open again. The connection is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.app.observability import logger
from trader.deribit import translate
from trader.deribit.messages import UNREADABLE, decode_result

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trader.app.feed_faults import FeedFaults
    from trader.deribit.client import DeribitClient
    from trader.deribit.feed import Failure

CHANNELS: Final = ("platform_state", "platform_state.public_methods_state")
CLOSED: Final = {
    10_041: "settlement in progress",
    11_051: "system maintenance",
    11_056: "requests without a sign-in are disabled for now",
}
"""Refusals that say: not now, and not you. Deribit, "Error codes"."""

MAINTENANCE: Final = "maintenance"
REFUSED: Final = "refused"
METHODS: Final = "methods"


class _Said(msgspec.Struct):
    """What either channel says; `locked` is a bool there and a word in `public/status`."""

    price_index: str = ""
    locked: bool | str | None = None
    locked_indices: tuple[str, ...] = ()
    maintenance: bool | None = None
    allow_unauthenticated_public_requests: bool | None = None


class Platform:
    """Why trading pauses, if it does: reasons of the exchange, each until it is taken back.

    Invariant: the engine is told of the first reason and of the end of the last. A new connection
    begins without reasons; what holds on is said anew.
    """

    def __init__(
        self, underlyings: Iterable[str], client: DeribitClient, faults: FeedFaults
    ) -> None:
        self._indices = [translate.index_name(one) for one in underlyings]
        self._client = client
        self._faults = faults
        self._reasons: dict[str, str] = {}
        self._log = logger("feed")

    @property
    def closed(self) -> bool:
        """Whether there is a reason not to trade."""
        return bool(self._reasons)

    def restart(self) -> None:
        """Begin a connection."""
        self._reasons.clear()

    async def hear(self, payload: bytes) -> None:
        """Take a push of either channel; what cannot be read says nothing."""
        try:
            said = msgspec.json.decode(payload, type=_Said)
        except UNREADABLE:
            return
        if said.maintenance is not None:
            await self._set(MAINTENANCE, "the exchange is in maintenance" * said.maintenance)
        if said.price_index in self._indices and said.locked is not None:
            locked = _is_locked(said.locked)
            await self._set(said.price_index, f"{said.price_index} is locked" * locked)
        if said.allow_unauthenticated_public_requests is not None:
            refused = not said.allow_unauthenticated_public_requests
            await self._set(METHODS, CLOSED[11_056] * refused)

    async def refused(self, failure: Failure | Exception) -> bool:
        """Take a refusal; tell whether it is one that says that the exchange is closed."""
        code = getattr(failure, "code", None)
        if code not in CLOSED:
            return False
        await self._set(REFUSED, f"{CLOSED[code]} ({code})")
        return True

    async def ask(self) -> None:
        """While closed, ask the exchange whether it still is: not every word is taken back.

        Raises:
            FeedError: it does not answer, or refuses; that may be one more reason.
        """
        if not self.closed:
            return
        said = decode_result(await self._client.call("public/status"), _Said)
        locked = [one for one in said.locked_indices if one in self._indices]
        if locked or (_is_locked(said.locked) and not said.locked_indices):
            return
        for reason in tuple(self._reasons):
            await self._set(reason, "")

    async def restore(self, detail: str) -> None:
        """Tell that the feed is up: at once, or when the exchange is open."""
        self._reasons.pop(REFUSED, None)
        if not self.closed:
            await self._faults.restore(detail)

    async def _set(self, reason: str, text: str) -> None:
        if self._reasons.get(reason, "") == text:
            return
        was_closed = self.closed
        self._reasons[reason] = text
        if not text:
            del self._reasons[reason]
        if self.closed:
            words = "; ".join(self._reasons.values())
            message = f"trading pauses until the exchange is open again: {words}"
            self._log.warning("feed.closed", message=message)
            await self._faults.lose("maintenance", words)
        elif was_closed:
            self._log.info("feed.open", message="the exchange is open again: trading goes on")
            await self._faults.restore("the exchange is open again")


def _is_locked(word: bool | str | None) -> bool:
    return word in (True, "true", "partial")
