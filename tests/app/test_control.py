"""Do commands reach the daemon, whole and only from its owner? Over real unix sockets."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path

import pytest

from trader.app.control import LINE_BYTES_MAX, DaemonUnreachable, listen, send
from trader.domain.events import ClosePosition, Command, FlattenAll, PauseTrading, Promote
from trader.web.window import Answer

COMMANDS: tuple[Command, ...] = (
    PauseTrading(by="ana", reason="news"),
    PauseTrading(by="ana", reason="news", strategy="covered_call_btc"),
    ClosePosition(by="ana", reason="done", chain_id="c-1"),
    FlattenAll(by="ana", reason="holiday"),
    Promote(by="ana", reason="good month", strategy="directional_btc", stage="PILOT"),
)


class Desk:
    """Takes commands as a daemon would, and numbers them."""

    def __init__(self) -> None:
        self.taken: list[Command] = []

    async def take(self, command: Command) -> Answer:
        """Accept a command."""
        self.taken.append(command)
        return Answer(accepted=True, sequence=len(self.taken))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A socket's place."""
    return tmp_path / "trader.sock"


def mode_of(path: Path) -> int:
    """Read a file's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
async def test_a_command_arrives_as_it_was_sent(path: Path, command: Command) -> None:
    """The daemon takes an equal value and its answer comes back with the sequence."""
    desk = Desk()
    async with listen(path, desk.take):
        answer = await asyncio.to_thread(send, path, command)
    assert desk.taken == [command]
    assert answer == Answer(accepted=True, sequence=1)


async def test_only_the_owner_can_reach_the_socket(path: Path) -> None:
    """The socket is 0600 from its first instant on."""
    async with listen(path, Desk().take):
        assert mode_of(path) == 0o600


async def test_a_dead_daemons_socket_is_replaced(path: Path) -> None:
    """After a SIGKILL the name lies there still; the next daemon takes its place."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with listen(path, Desk().take):
        answer = await asyncio.to_thread(send, path, COMMANDS[0])
    assert answer.accepted
    with pytest.raises(FileNotFoundError):
        mode_of(path)


def test_no_daemon_is_said_plainly(path: Path) -> None:
    """Without a daemon the sender learns where it looked."""
    with pytest.raises(DaemonUnreachable, match=f"no daemon answers at {path}"):
        send(path, COMMANDS[0])


def test_a_hanging_daemon_is_unreachable(path: Path) -> None:
    """A daemon that accepts and never answers ends the wait in time."""
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        with pytest.raises(DaemonUnreachable, match="timed out"):
            send(path, COMMANDS[0], patience_s=0.1)


@pytest.mark.parametrize(
    "line",
    [
        b"garbage\n",
        b"{}\n",
        b"\n",
        b'{"type":"PlaceOrder","by":"x","reason":"y"}\n',
        b'{"type":"Promote","by":"x","reason":"y","strategy":"s","stage":"LIVE"}\n',
        b'{"type":"FlattenAll","by":"x"}\n',
        b"x" * (LINE_BYTES_MAX * 2) + b"\n",
    ],
    ids=["garbage", "empty", "blank", "unknown", "stage", "no reason", "too long"],
)
async def test_what_is_no_command_is_answered_not_raised(path: Path, line: bytes) -> None:
    """Garbage gets a refusal, nothing is taken, and the daemon goes on taking commands."""
    desk = Desk()
    async with listen(path, desk.take):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(line)
        answer = await reader.read()
        writer.close()
        await asyncio.to_thread(send, path, COMMANDS[0])
    assert b'"accepted":false' in answer
    assert b"not a command" in answer
    assert desk.taken == [COMMANDS[0]]


async def test_a_sender_who_leaves_early_hurts_nobody(path: Path) -> None:
    """A connection closed without a line leaves the daemon as it was."""
    desk = Desk()
    async with listen(path, desk.take):
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.close()
        await writer.wait_closed()
        await asyncio.to_thread(send, path, COMMANDS[0])
    assert desk.taken == [COMMANDS[0]]
