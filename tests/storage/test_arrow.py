"""Does pyarrow stay out until it is wanted, and small once it is?"""

from __future__ import annotations

import subprocess
import sys

from tests.source import ROOT
from trader.storage.arrow import load_arrow


def test_nothing_loads_pyarrow_by_being_imported() -> None:
    """The store, the daemon and the command line start without it."""
    probe = (
        "import sys, trader.storage.market_store, trader.storage.replay_inputs, trader.app.daemon,"
        " trader.app.cli; print('pyarrow' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"


def test_it_uses_one_core_and_the_systems_memory() -> None:
    """No pool of threads beside the daemon's, no allocator that keeps what was freed."""
    core = load_arrow().core
    assert core.cpu_count() == 1
    assert core.default_memory_pool().backend_name == "system"
