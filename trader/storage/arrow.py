"""How is pyarrow loaded? Late, on one core, and with memory that goes back to the system.

It costs a seventh of a second and some 50 MB (60 with Parquet): only who records or reads
recordings pays that.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

Batch = Any
"""A record batch of pyarrow's, which comes without types."""

Schema = Any
ParquetWriter = Any


class Arrow(NamedTuple):
    """The three modules of pyarrow that are used here (they come without types)."""

    core: Any
    ipc: Any
    parquet: Any


@cache
def load_arrow() -> Arrow:
    """Import pyarrow and make it small: no thread pool, no allocator that keeps what is freed."""
    import pyarrow as core
    from pyarrow import ipc, parquet

    core.set_memory_pool(core.system_memory_pool())
    core.set_cpu_count(1)
    return Arrow(core, ipc, parquet)
