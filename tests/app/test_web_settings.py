"""Is the dashboard never opened to others by mistake?"""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.app.running import trader, write_configuration
from trader.app.exit_codes import ExitCode
from trader.app.web_settings import WebSettings

GUARDED = {"token_file": "token", "tls_certificate": "c.pem", "tls_key": "k.pem"}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    """Every spelling of this machine is allowed without a token."""
    assert WebSettings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
@pytest.mark.parametrize("missing", [*GUARDED, "all"])
def test_other_hosts_need_token_and_tls(host: str, missing: str) -> None:
    """What others can reach asks for all three, and names what is missing."""
    given = {name: value for name, value in GUARDED.items() if missing not in (name, "all")}
    with pytest.raises(ValidationError, match=r"reachable by others; name .*web\.{0,}"):
        WebSettings.model_validate({"host": host, **given})
    assert WebSettings.model_validate({"host": host, **GUARDED}).host == host


@pytest.mark.parametrize("name", ["a:80", "http://a", "", "a b", "-a", "*"])
def test_a_name_is_a_host_without_a_port(name: str) -> None:
    """Anything else would never be heard."""
    with pytest.raises(ValidationError, match="no host name"):
        WebSettings(hosts=(name,))
    assert WebSettings(hosts=("trader.example", "box")).hosts == ("trader.example", "box")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("requests_per_s", 0.5), ("requests_per_s", float("nan")), ("requests_per_s", float("inf")),
        ("body_bytes_max", 10), ("body_bytes_max", -1), ("port", 70_000), ("socket", ""),
    ],
)  # fmt: skip
def test_limits_are_limits(key: str, value: object) -> None:
    """Zero, negative, NaN, infinite, empty: refused."""
    with pytest.raises(ValidationError):
        WebSettings.model_validate({key: value})


def test_a_daemon_that_others_could_reach_does_not_start(tmp_path: Path) -> None:
    """Exit 78, and the line names what to add."""
    config = write_configuration(tmp_path, '[journal]\nstate_dir = "state"\n')
    done = trader("run", "--config", config, "--set", "web.host=0.0.0.0")
    assert done.returncode == ExitCode.CONFIGURATION
    assert "web.host" in done.stderr
    assert "name web.token_file and web.tls_certificate and web.tls_key" in done.stderr
