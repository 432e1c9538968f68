"""What does the browser look at? The demo as a person starts it, or a window that a test makes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from urllib.error import URLError

from tests.source import ROOT
from trader.web.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from trader.web.window import Window

READY_S_MAX: Final = 90.0
CHAIN: Final = re.compile(r'href="(/chains/[^"?]+)"')


@contextmanager
def running_site(folder: Path) -> Iterator[str]:
    """Run the demo until it has traded; yield its address."""
    port = _free_port()
    command = [
        *(sys.executable, "-m", "trader.app.cli", "demo", "--state", str(folder / "state")),
        *("--set", f"web.port={port}", "--set", "nightly.run_by=nobody"),
    ]
    surroundings = {key: one for key, one in os.environ.items() if not key.startswith("TRADER_")}
    with (folder / "demo.log").open("wb") as log:
        demo = subprocess.Popen(
            command, cwd=ROOT, env=surroundings, stdout=log, stderr=subprocess.STDOUT
        )
    site = f"http://127.0.0.1:{port}"
    try:
        _until_it_traded(site, demo, folder / "demo.log")
        yield site
    finally:
        demo.send_signal(signal.SIGINT)
        try:
            demo.wait(15)
        except subprocess.TimeoutExpired:
            demo.kill()
            demo.wait(5)


@contextmanager
def served(window: Callable[[], Window]) -> Iterator[str]:
    """Serve a window from a thread of its own; yield its address."""
    ready, address = threading.Event(), list[str]()
    stop: list[Callable[[], object]] = []

    async def run() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        async with serve(window(), "127.0.0.1", 0) as port:
            address.append(f"http://127.0.0.1:{port}")
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(20)
    try:
        yield address[0]
    finally:
        stop[0]()
        thread.join(20)


def read(address: str) -> str:
    """Get a page without a browser."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())


def _until_it_traded(site: str, demo: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_S_MAX
    while time.monotonic() < until:
        assert demo.poll() is None, log.read_text(encoding="utf-8")
        try:
            if CHAIN.search(read(f"{site}/chains")):
                return
        except (URLError, ConnectionError, TimeoutError):
            pass
        time.sleep(0.25)
    raise AssertionError(f"no chain within {READY_S_MAX} s:\n{log.read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
