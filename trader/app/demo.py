"""How do exchange and daemon run together? The exchange as a child on a free port, then we trade.

The exchange lives in a session of its own, so that Ctrl-C reaches the daemon first, and ends when
our end of its standard input does: however we die, it does not stay behind.
"""

from __future__ import annotations

import re
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trader.app.commands.exchange import READY
from trader.app.configuration import load_configuration
from trader.app.exit_codes import ExitCode
from trader.app.observability import LOG_NAME
from trader.app.terminal import complain, say
from trader.app.web_access import TOKEN_NAME
from trader.domain.errors import ConfigurationError, FeedError, JournalLocked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from trader.app.configuration import Configuration

READY_WITHIN_S: Final = 30.0
STOP_WITHIN_S: Final = 4.0
EXCHANGE_LOG_NAME: Final = "exchange.log"


def run_demo(
    config: Path,
    *,
    speed: float,
    seed: int,
    fresh: bool,
    state: Path | None,
    assignments: Sequence[str],
) -> ExitCode:
    """Run both until SIGINT or SIGTERM; the exchange is stopped whatever happens to the daemon.

    Raises:
        ConfigurationError: the configuration, or the exchange's state, cannot be run.
        FeedError: the exchange did not start.
    """
    chosen = [*assignments, *([f"journal.state_dir={state.absolute()}"] if state else [])]
    state_dir = load_configuration([config], chosen).state_dir
    with _exchange(state_dir, speed=speed, seed=seed, fresh=fresh) as child:
        # The daemon's libraries load while the exchange starts: a second less to wait.
        from trader.app.daemon import run_daemon
        from trader.app.loop import run

        url = _address(child, state_dir / EXCHANGE_LOG_NAME)
        configuration = load_configuration([config], [*chosen, f"feed.url={url}"])
        say(_welcome(config, configuration, url, speed, seed))
        sys.stdout.flush()
        return run(run_daemon(configuration, fresh=fresh))


def _welcome(config: Path, configuration: Configuration, url: str, speed: float, seed: int) -> str:
    """Say where everything is."""
    state_dir, web = configuration.state_dir, configuration.settings.web
    rows = [
        ("exchange", f"{url} (seed {seed}, {speed:g} market seconds per second)"),
        ("journal", configuration.journal_url.removeprefix("sqlite:///")),
        ("log", f"{state_dir / LOG_NAME} (the exchange's: {EXCHANGE_LOG_NAME})"),
    ]
    if web.port:
        scheme = "http" if web.tls_certificate is None else "https"
        page = f"{scheme}://{web.host}:{web.port}"
        token = configuration.web_paths.token_file or state_dir / TOKEN_NAME
        rows.append(("dashboard", f"{page}; commands ask for the token in {token}"))
        rows.append(("metrics", f"{page}/metrics, health {page}/healthz"))
    if configuration.settings.stage_floor is not None:
        floor = f"no strategy falls below {configuration.settings.stage_floor} (demo only)"
        rows.append(("stage floor", floor))
    rows.append(("look", f"trader status --state {state_dir}    in another terminal"))
    rows.append(("stop", "Ctrl-C"))
    title = f"paper trading with {config}; no order ever leaves this machine"
    return "\n".join([title, *(f"  {name:<12}{text}" for name, text in rows)])


@contextmanager
def _exchange(
    state_dir: Path, *, speed: float, seed: int, fresh: bool
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the exchange as a child, stopped at the end whatever happens in between."""
    home = state_dir / "exchange"
    for folder in (state_dir, home):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "trader.app.cli", "exchange", "--port", "0", "--until-eof"),
        *("--seed", str(seed), "--speed", str(speed), "--state", str(home)),
        *(("--fresh",) if fresh else ()),
    ]
    with (state_dir / EXCHANGE_LOG_NAME).open("wb") as complaints:
        child = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
    try:
        yield child
    finally:
        _stop(child)


def _address(child: subprocess.Popen[bytes], log: Path) -> str:
    """Read the first line of the exchange: its address.

    Raises:
        ConfigurationError, JournalLocked: the exchange said so, in its own words.
        FeedError: it died of something else, or says nothing.
    """
    if child.stdout is None:
        raise FeedError("the exchange has no standard output")
    ready, _, _ = select.select([child.stdout], [], [], READY_WITHIN_S)
    line = child.stdout.readline().decode() if ready else ""
    found = re.search(rf"{READY} (\S+)", line)
    if found is not None:
        return found.group(1)
    if not ready:
        raise FeedError(f"the exchange said nothing in {READY_WITHIN_S:g} s; see {log}")
    code = child.wait(STOP_WITHIN_S)
    said = log.read_text(encoding="utf-8", errors="replace").strip()
    if code == ExitCode.CONFIGURATION:
        raise ConfigurationError(said.splitlines())
    if code == ExitCode.LOCKED:
        raise JournalLocked(said)
    raise FeedError(f"the exchange ended with code {code}; see {log}")


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End the exchange: politely, then not."""
    began = time.monotonic()
    child.terminate()
    try:
        child.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        complain(f"the exchange did not stop in {time.monotonic() - began:.0f} s: killed")
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
