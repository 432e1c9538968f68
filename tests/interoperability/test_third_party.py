"""Do clients that others wrote read and stream from our exchange without an error of theirs?

Unmodified: only addresses and trust are set. They come with the extra `interoperability`, and each
runs as a program of its own: an error of theirs ends it, or is in its report.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.source import ROOT
from trader.deribit.simulator.certificate import CERTIFICATE_NAME, Tls
from trader.deribit.simulator.server import Access, serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("default")  # theirs are not ours to mend

SPEED = 60.0
SHORT_S = 8.0
LONG_S = 600.0
SLACK_S = 60.0
"""What starting, reading once and leaving may take beside the streaming."""


def need(*packages: str) -> None:
    """Skip where a client is not installed."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: the extra `interoperability` is not installed")


async def run(client: str, *arguments: str, seconds: float) -> dict[str, Any]:
    """Run a client to its end; what it reports, with nothing missing and no error in it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.interoperability.client_{client}", *arguments),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    async with asyncio.timeout(seconds + SLACK_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3_000:]
    report: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    print(client, report)
    assert report.get("errors", []) == []
    assert all(report["read"].values()), report["read"]
    assert all(report["streamed"].values()), report["streamed"]
    return report


async def ccxt_reads(seconds: float) -> None:
    """Let ccxt read everything and stream for a while."""
    need("ccxt")
    async with serve(seed=7, speed=SPEED) as served:
        report = await run("ccxt", served.http_url, served.url, str(seconds), seconds=seconds)
    assert set(report["streamed"]) == {"ticker", "book", "trades", "candles", "quotes"}


async def cryptofeed_reads(seconds: float, folder: Path) -> None:
    """Let cryptofeed authenticate, list symbols and stream raw channels over TLS."""
    need("cryptofeed", "cryptography")
    access = Access(tls=Tls(folder, time.time_ns()))
    certificate = folder / CERTIFICATE_NAME
    async with (
        serve(seed=7, speed=SPEED, host="localhost", access=access) as secure,
        serve(seed=7, speed=SPEED) as plain,
    ):
        arguments = (plain.http_url, secure.url, str(seconds), str(certificate))
        report = await run("cryptofeed", *arguments, seconds=seconds)
    assert set(report["streamed"]) >= {"l1_book", "l2_book", "trades", "ticker"}


async def typed_deribit_reads(seconds: float) -> None:
    """Let typed-deribit hold everything it reads and hears to its own schema."""
    need("typed_deribit")
    async with serve(seed=7, speed=SPEED) as served:
        arguments = (served.http_url, served.url, str(seconds))
        report = await run("typed_deribit", *arguments, seconds=seconds)
    assert len(report["streamed"]) == 11


async def deribit_wrapper_reads(seconds: float) -> None:
    """Let deribit-wrapper ask over HTTP for a while."""
    need("deribit_wrapper")
    async with serve(seed=7, speed=SPEED) as served:
        report = await run("deribit_wrapper", served.http_url, str(seconds), seconds=seconds)
    assert report["streamed"]["ticker"] == report["streamed"]["book"]


async def test_ccxt() -> None:
    """It lists, reads and streams for a few seconds."""
    await ccxt_reads(SHORT_S)


async def test_cryptofeed(tmp_path: Path) -> None:
    """It lists, signs in and streams for a few seconds."""
    await cryptofeed_reads(SHORT_S, tmp_path)


async def test_typed_deribit() -> None:
    """It lists, reads over both transports and streams for a few seconds."""
    await typed_deribit_reads(SHORT_S)


async def test_deribit_wrapper() -> None:
    """It lists, reads and asks for a few seconds."""
    await deribit_wrapper_reads(SHORT_S)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_ccxt_for_ten_minutes() -> None:
    """The same, for as long as leaks and gaps need to show."""
    await ccxt_reads(LONG_S)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_cryptofeed_for_ten_minutes(tmp_path: Path) -> None:
    """The same, with a broken book ending in an error of theirs."""
    await cryptofeed_reads(LONG_S, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_typed_deribit_for_ten_minutes() -> None:
    """The same, with every push of ten hours of the market held to a schema."""
    await typed_deribit_reads(LONG_S)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_deribit_wrapper_for_ten_minutes() -> None:
    """The same, over one connection that is kept alive."""
    await deribit_wrapper_reads(LONG_S)
