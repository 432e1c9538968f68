"""Where does slow work go? Worker processes, or a cluster that somebody else runs."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

DASK: Final = "dask://"
PR_SET_PDEATHSIG: Final = 1


@contextmanager
def executor(name: str, workers: int) -> Iterator[Executor]:
    """Open an executor by its configured name; it ends with the block, with all its work.

    Raises:
        ConfigurationError: the cluster cannot be reached, or its library is not installed.
    """
    if name.startswith(DASK):
        with _dask(name) as cluster:
            yield cluster
        return
    context = multiprocessing.get_context("spawn")  # no copies of our threads and locks
    pool = ProcessPoolExecutor(workers, context, initializer=die_with_parent)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def die_with_parent() -> None:
    """Ask the kernel to end this process when the one that made it is gone, however it went."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except (AttributeError, OSError):
        return  # another system: the pool's own pipes end idle workers
    maker = multiprocessing.parent_process()
    if maker is not None and maker.pid != os.getppid():
        os._exit(1)  # it was gone before we asked


@contextmanager
def _dask(name: str) -> Iterator[Executor]:
    """Use a cluster through its own executor interface."""
    try:
        from distributed import Client
    except ImportError:
        raise ConfigurationError(
            f"nightly.executor {name!r}: the extra `distributed` is not installed "
            '(pip install trader[distributed]), or use executor = "processes"'
        ) from None
    address = "tcp://" + name.removeprefix(DASK)
    try:
        client = Client(address, timeout=10)
    except (OSError, TimeoutError) as error:
        raise ConfigurationError(
            f"nightly.executor {name!r}: no cluster answers ({error})"
        ) from error
    try:
        yield client.get_executor(pure=False)
    finally:
        client.close()
