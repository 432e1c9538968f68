"""Whatever lies at the path of --replay becomes one recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.app.chain_files import write_chain
from trader.app.replay_source import read_replay
from trader.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_toml_names_snapshots(tmp_path: Path) -> None:
    """They are read."""
    assert read_replay(write_chain(tmp_path), None).indexes


def test_anything_else_is_refused(tmp_path: Path) -> None:
    """With the remedy."""
    with pytest.raises(ConfigurationError, match="name a folder of recordings, or a TOML"):
        read_replay(tmp_path / "chain.parquet", None)
