"""May this process price by compiled loops, and does it? Daemon and units stay in numpy.

numba needs memory that is both writable and executable, which `MemoryDenyWriteExecute` forbids, and
some seconds the first time (then a file keeps what was compiled). So a process asks for it, once.
"""

from __future__ import annotations

import importlib.util
import mmap
from typing import Final

from trader.pricing import kernels

NO_NUMBA: Final = "numba is not installed (extra `compiled`)"
NO_MEMORY: Final = "memory may not be both writable and executable here"


def compile_pricing() -> str | None:
    """Price by compiled loops once they are ready; return why not where they cannot be.

    The first time of all that takes some twenty seconds: who cannot wait asks in a thread, and
    prices in numpy meanwhile.
    """
    if importlib.util.find_spec("numba") is None:
        return NO_NUMBA
    if not _may_compile():
        return NO_MEMORY
    kernels.compile_all()
    kernels.choose(compiled=True)
    return None


def _may_compile() -> bool:
    """Ask for what `MemoryDenyWriteExecute` refuses: LLVM would end the process over it."""
    try:
        mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    except OSError:
        return False
    return True
