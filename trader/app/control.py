"""How does a person's command reach the daemon? One JSON line each way over a 0600 unix socket."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.events import Command
from trader.domain.facts import AlertRaised, CommandTaken
from trader.web import private_socket
from trader.web.window import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from trader.engine.outcome import Outcome

SOCKET_NAME: Final = "trader.sock"
SOCKET_PATH_BYTES_MAX: Final = private_socket.PATH_BYTES_MAX
LINE_BYTES_MAX: Final = 65_536
PATIENCE_S: Final = 5.0
"""Wall seconds either side waits for the other's line."""


def answer_of(outcome: Outcome) -> Answer:
    """Tell a person what became of the command an outcome was made of, once it is durable."""
    taken = any(isinstance(fact, CommandTaken) for fact in outcome.facts)
    refused = [
        fact.text
        for fact in outcome.facts
        if isinstance(fact, AlertRaised) and fact.kind == "command_refused"
    ]
    accepted = taken and not refused
    return Answer(accepted=accepted, sequence=outcome.sequence, detail="; ".join(refused))


class DaemonUnreachable(Exception):
    """No daemon answers at the socket: it is not running, or it hangs."""


@asynccontextmanager
async def listen(path: Path, take: Callable[[Command], Awaitable[Answer]]) -> AsyncIterator[None]:
    """Take commands at `path` until the block ends; `take` answers once the fact is journaled.

    The caller holds the process lock: what lies at `path` is a dead daemon's and is replaced.

    Raises:
        OSError: the socket cannot be bound.
    """

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await _answer(reader, take)
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()
        except (ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(
        converse, sock=private_socket.bind(path), limit=LINE_BYTES_MAX
    )
    try:
        yield
    finally:
        server.close()
        private_socket.remove(path)


def send(path: Path, command: Command, *, patience_s: float = PATIENCE_S) -> Answer:
    """Hand one command to the daemon and wait for its answer.

    Raises:
        DaemonUnreachable: nobody listens, or nobody answers in time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(patience_s)
        try:
            channel.connect(str(path))
            channel.sendall(msgspec.json.encode(command) + b"\n")
            line = channel.makefile("rb").readline(LINE_BYTES_MAX)
            return msgspec.json.decode(line, type=Answer)
        except (OSError, msgspec.DecodeError) as error:
            raise DaemonUnreachable(f"no daemon answers at {path}: {error}") from error


async def _answer(
    reader: asyncio.StreamReader, take: Callable[[Command], Awaitable[Answer]]
) -> Answer:
    """Read one line and let `take` judge it; what is no command is answered, never raised."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            line = await reader.readline()
        command: Command = msgspec.json.decode(line, type=Command)
    except (ValueError, msgspec.DecodeError) as error:
        return Answer(accepted=False, detail=f"not a command: {error}")
    return await take(command)
