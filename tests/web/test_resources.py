"""Is the table of resources sound? Each row says what it takes and what it answers."""

from __future__ import annotations

import msgspec
import pytest

from trader.web.resources import RESOURCES, Resource


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.path)
def test_every_row_is_whole(resource: Resource) -> None:
    """A summary in words; the parts of its path are required fields of its question, others not."""
    assert resource.summary.endswith(".")
    required = {
        field.encode_name for field in msgspec.structs.fields(resource.question) if field.required
    }
    assert required == set(resource.parts)


def test_no_address_stands_twice() -> None:
    """One row per address."""
    assert len({one.path for one in RESOURCES}) == len(RESOURCES)
