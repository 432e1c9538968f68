"""How does the bundled exchange start by itself? `trader exchange`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from trader.app.exit_codes import ExitCode
from trader.app.terminal import say
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from trader.app.commands.options import Subparsers

SUMMARY: Final = "run the bundled exchange alone, over websockets and HTTP"
CLOCK_NAME: Final = "clock.json"
PORT_MAX: Final = 65_535
READY: Final = "exchange listens at"
"""How the first line on stdout begins; the address follows."""


def add_commands(subparsers: Subparsers) -> None:
    """Add `exchange`."""
    parser = subparsers.add_parser("exchange", help=SUMMARY, description=SUMMARY)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8765, help="port (8765); 0 takes a free one")
    parser.add_argument("--seed", type=int, default=1, help="which market (1): one seed, one path")
    parser.add_argument(
        "--speed",
        type=_speed,
        default=1.0,
        help="market seconds per wall second (1 = real time); `max` lets a replay go on as soon "
        "as the daemon has dealt with all it was told",
    )
    parser.add_argument(
        "--replay",
        metavar="PATH",
        type=Path,
        help="serve what was recorded instead: a folder of recordings, or a TOML that names "
        "snapshots of option chains",
    )
    parser.add_argument(
        "--data", metavar="DIR", type=Path, help="where the files lie that the TOML names"
    )
    parser.add_argument("--start", metavar="ISO", help="market time of a new market's first second")
    parser.add_argument(
        "--state", metavar="DIR", type=Path, help="keep the market's clock here across restarts"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the clock kept in --state")
    parser.add_argument(
        "--tls",
        metavar="DIR",
        type=Path,
        help="serve wss and https with the certificate in this folder, made on first use",
    )
    parser.add_argument(
        "--limits", action="store_true", help="charge credits for calls, refuse with 10028"
    )
    parser.add_argument(
        "--faults",
        metavar="FILE",
        help="let go wrong what this TOML file lists (see config/faults.example.toml), or with "
        "random:SEED a fault of any kind every 12 s or so; simulator/fault_start, fault_stop and "
        "faults lead them while it runs, from this machine",
    )
    parser.add_argument(
        "--until-eof", action="store_true", help="end also when standard input ends"
    )
    parser.set_defaults(execute=execute)


def _speed(text: str) -> float:
    return math.inf if text == "max" else float(text)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: the exchange cannot be run like that.
        JournalLocked: another exchange keeps its clock in `--state`.
    """
    from trader.app.loop import run
    from trader.storage.lock import StateLock

    if not 0 <= arguments.port <= PORT_MAX:
        raise ConfigurationError(
            f"exchange: --port {arguments.port} is no port; give 0 (a free one) to {PORT_MAX}"
        )
    if not arguments.host:
        raise ConfigurationError("exchange: --host is empty; give an address, e.g. 127.0.0.1")
    if arguments.state is None:
        return run(_serve(arguments, None))
    with StateLock.acquire(arguments.state):
        clock = arguments.state / CLOCK_NAME
        if arguments.fresh:
            clock.unlink(missing_ok=True)
        return run(_serve(arguments, clock))


async def _serve(arguments: argparse.Namespace, clock: Path | None) -> ExitCode:
    """Open the exchange, say where, and wait for the end."""
    import asyncio
    import os
    import sys
    import time

    from trader.app.fault_file import plan_of
    from trader.app.loop import stop_signals
    from trader.app.replay_source import read_replay
    from trader.deribit.simulator.certificate import Tls
    from trader.deribit.simulator.clock import SEEDED_LIFE, parse_start
    from trader.deribit.simulator.server import Access, serve

    replay = None
    if arguments.replay is not None:
        replay = await asyncio.to_thread(read_replay, arguments.replay, arguments.data)
    life = SEEDED_LIFE if replay is None else replay.life
    start_at = None if arguments.start is None else parse_start(arguments.start, life)
    market = f"seed {arguments.seed}" if replay is None else f"recording {replay.name}"
    tls = None if arguments.tls is None else Tls(arguments.tls, time.time_ns())
    faults = plan_of(arguments.faults)
    planned = f", {len(faults.entries)} faults planned" if faults.entries else ""
    if arguments.speed == math.inf and (replay is None or clock is not None):
        raise ConfigurationError(
            "exchange: --speed max goes with --replay and without --state: name a speed"
        )
    with stop_signals() as stop:
        async with serve(
            host=arguments.host,
            port=arguments.port,
            seed=arguments.seed,
            replay=replay,
            speed=arguments.speed,
            start_at=start_at,
            state_path=clock,
            faults=faults,
            access=Access(tls=tls, limited=arguments.limits),
        ) as served:
            say(f"{READY} {served.url} ({market}, {arguments.speed:g}x{planned})")
            sys.stdout.flush()
            if arguments.until_eof:
                stdin = sys.stdin.fileno()
                loop = asyncio.get_running_loop()
                loop.add_reader(stdin, lambda: None if os.read(stdin, 4096) else stop.set())
            await stop.wait()
    return ExitCode.OK
