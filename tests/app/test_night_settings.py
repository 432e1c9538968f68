"""Do the settings of the night refuse what could not work?"""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from trader.app.night_settings import NightSettings


@pytest.mark.parametrize("executor", ["processes", "dask://scheduler:8786", "dask://10.0.0.1:1"])
def test_an_executor_is_processes_or_a_cluster(executor: str) -> None:
    """A cluster is named by host and port."""
    assert NightSettings(executor=executor).executor == executor


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("executor", "dask://scheduler"), ("executor", "ray://head:1"), ("executor", "threads"),
        ("workers", 0), ("years", 0.0), ("years", float("inf")), ("minutes_max", 0.0),
        ("minutes_max", 1_441.0), ("memory_gb_max", 0.1), ("niceness", -1), ("niceness", 20),
        ("keep_days", 0), ("run_by", "cron"), ("profile", "slow"), ("enabled", True),
    ],
)  # fmt: skip
def test_what_could_not_work_is_refused(key: str, value: object) -> None:
    """No worker, no time, no memory, somebody unknown who starts it."""
    with pytest.raises(ValidationError, match=key):
        NightSettings.model_validate({key: value})
