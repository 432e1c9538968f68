"""The exchange's own certificate: made once, private, refused where it cannot be used."""

from __future__ import annotations

import importlib.util
import ssl
from pathlib import Path

import pytest

from trader.deribit.simulator.certificate import CERTIFICATE_NAME, KEY_NAME, server_context
from trader.domain.errors import ConfigurationError

INSTALLED = importlib.util.find_spec("cryptography") is not None
NOT_INSTALLED = "the extra `tls` is not installed"


@pytest.mark.skipif(not INSTALLED, reason=NOT_INSTALLED)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0", "192.0.2.7", "demo.test"])
def test_a_certificate_is_made_once_and_trusted(tmp_path: Path, host: str) -> None:
    """Two calls give one pair; it is an authority that a client can load; the key is private."""
    folder = tmp_path / "tls"
    server_context(folder, host)
    made = (folder / CERTIFICATE_NAME).read_bytes()
    server_context(folder, host)
    assert (folder / CERTIFICATE_NAME).read_bytes() == made
    trust = ssl.create_default_context(cafile=str(folder / CERTIFICATE_NAME))
    assert trust.cert_store_stats()["x509_ca"] >= 1
    assert (folder / KEY_NAME).stat().st_mode & 0o077 == 0


@pytest.mark.skipif(INSTALLED, reason="the extra `tls` is installed")
def test_without_the_extra_the_refusal_names_it(tmp_path: Path) -> None:
    """Nothing is written, and what to install is said."""
    with pytest.raises(ConfigurationError, match=r"install trader\[tls\]"):
        server_context(tmp_path, "localhost")
    assert not (tmp_path / KEY_NAME).exists()


def test_a_pair_that_is_none_is_refused(tmp_path: Path) -> None:
    """Files that hold no certificate are named with their remedy."""
    for name in (CERTIFICATE_NAME, KEY_NAME):
        (tmp_path / name).write_text("no pem")
    with pytest.raises(ConfigurationError, match=r"remove certificate\.pem and key\.pem"):
        server_context(tmp_path, "localhost")
