"""How do tests drive the daemon through a replay? Both programs, until the recording has ended."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from tests.app.exchange_thread import exchange_thread
from tests.app.running import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from trader.deribit.simulator.recording import Recording

ENDED = "replay.ended"


def drive(config: Path, recording: Recording, *assignments: str, seconds: float = 50.0) -> None:
    """Run the daemon on a configuration over a whole recording, as fast as it goes; then stop it.

    `assignments` are `section.key=value`; the state is kept where the configuration says.
    """
    settings = [part for one in assignments for part in ("--set", one)]
    with exchange_thread(replay=recording, speed=math.inf) as url:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "trader.app.cli", "run", "--config", str(config), *settings,
             "--set", f"feed.url={url}", "--set", "web.port=0"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        overdue = threading.Timer(seconds, daemon.kill)
        overdue.start()
        lines: list[str] = []
        try:
            with daemon:
                for line in daemon.stdout or ():
                    lines.append(line)
                    if ENDED in line:
                        daemon.send_signal(signal.SIGINT)
        finally:
            overdue.cancel()
            daemon.kill()
        assert daemon.returncode == 0, "".join(lines[-20:])
        assert any(ENDED in line for line in lines)
