"""What every test shares: hypothesis profiles and the way to real market data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# A shared machine stalls for longer than any deadline worth setting: pytest-timeout guards instead.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), max_examples=50, derandomize=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def real_data_folder() -> Path:
    """Where real market data is, if anywhere: TRADER_REAL_DATA, else beside the checkout."""
    return Path(os.environ.get("TRADER_REAL_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real market data; a test that takes it carries `real_data`."""
    return real_data_folder()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason in sight, what needs real data where there is none."""
    folder = real_data_folder()
    if folder.is_dir():
        return
    absent = pytest.mark.skip(reason=f"no market data in {folder}: set TRADER_REAL_DATA")
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(absent)
