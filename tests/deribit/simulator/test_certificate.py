"""The exchange's own certificate: made once, private, renewed in time, and spoken with."""

from __future__ import annotations

import importlib.util
import json
import ssl
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from websockets.asyncio.client import connect

from trader.deribit.simulator.certificate import (
    CERTIFICATE_NAME,
    KEY_NAME,
    RENEWED_DAYS,
    VALID_DAYS,
    Tls,
    server_context,
)
from trader.deribit.simulator.server import Access, serve
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY

INSTALLED = importlib.util.find_spec("cryptography") is not None
needs_cryptography = pytest.mark.skipif(
    not INSTALLED, reason="the extra `tls`, which the dev lock holds, is not installed"
)


def made(tls: Tls, host: str = "localhost") -> tuple[bytes, bytes]:
    """Load the pair of a folder, and read what is kept there then."""
    server_context(tls, host)
    return (tls.folder / CERTIFICATE_NAME).read_bytes(), (tls.folder / KEY_NAME).read_bytes()


@needs_cryptography
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0", "192.0.2.7", "demo.test"])
def test_a_certificate_is_made_once_and_trusted(tmp_path: Path, host: str) -> None:
    """Two calls give one pair; it is an authority that a client can load; the key is private."""
    tls = Tls(tmp_path / "tls", time.time_ns())
    assert made(tls, host) == made(tls, host)
    trust = ssl.create_default_context(cafile=str(tls.folder / CERTIFICATE_NAME))
    assert trust.cert_store_stats()["x509_ca"] >= 1
    assert (tls.folder / KEY_NAME).stat().st_mode & 0o777 == 0o600


@needs_cryptography
@pytest.mark.parametrize(
    ("days", "renewed"),
    [(0, False), (VALID_DAYS - RENEWED_DAYS - 1, False), (VALID_DAYS - RENEWED_DAYS + 1, True),
     (VALID_DAYS + 1, True)],
)  # fmt: skip
def test_a_certificate_is_renewed_before_it_expires(
    tmp_path: Path, days: int, renewed: bool
) -> None:
    """Close to its end, and after it, both files are new; the new key is as private."""
    began = time.time_ns()
    (tmp_path / KEY_NAME).touch(mode=0o644)
    before = made(Tls(tmp_path, began))
    after = made(Tls(tmp_path, began + days * DAY))
    assert [one != other for one, other in zip(before, after, strict=True)] == [renewed] * 2
    assert (tmp_path / KEY_NAME).stat().st_mode & 0o777 == 0o600


@needs_cryptography
async def test_websockets_and_http_are_spoken_over_tls(tmp_path: Path) -> None:
    """Clients that trust the certificate are served; to all others it is a stranger."""
    access = Access(tls=Tls(tmp_path, time.time_ns()))
    async with serve(seed=7, access=access) as served, aiohttp.ClientSession() as session:
        assert served.url.startswith("wss://")
        trust = ssl.create_default_context(cafile=str(tmp_path / CERTIFICATE_NAME))
        async with connect(served.url, ssl=trust) as socket:
            await socket.send('{"id":1,"method":"public/get_time"}')
            assert json.loads(await socket.recv())["result"] > 0
        url = f"{served.http_url}/api/v2/public/test"
        async with session.get(url, ssl=trust) as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url)


def test_without_the_extra_the_refusal_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, and what to install is said."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigurationError, match=r"install trader\[tls\]"):
        server_context(Tls(tmp_path, time.time_ns()), "localhost")
    assert not (tmp_path / KEY_NAME).exists()


async def test_a_pair_that_is_none_is_refused(tmp_path: Path) -> None:
    """Files that hold no certificate are named with their remedy, and left alone."""
    for name in (CERTIFICATE_NAME, KEY_NAME):
        (tmp_path / name).write_text("no pem")
    with pytest.raises(ConfigurationError, match=r"remove certificate\.pem and key\.pem"):
        async with serve(seed=7, access=Access(tls=Tls(tmp_path, time.time_ns()))):
            pass
    assert (tmp_path / KEY_NAME).read_text() == "no pem"
