"""Does a mistake read as one line a person can act on?"""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from trader.app.mistakes import mistake, mistakes_of, shown


class Inner(BaseModel):
    """A section."""

    model_config = ConfigDict(extra="forbid")

    share: float = Field(default=0.5, gt=0, le=1)
    stage: Literal["PILOT", "PRODUCTION"] = "PILOT"
    size: int = Field(ge=2, lt=9)

    @field_validator("size")
    @classmethod
    def _even(cls, size: int) -> int:
        if size % 2:
            raise ValueError(f"size {size} is odd: make it even")
        return size


class Outer(BaseModel):
    """A configuration."""

    model_config = ConfigDict(extra="forbid")

    inner: Inner


def lines(values: object) -> list[str]:
    """List the mistakes of a configuration."""
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(values, strict=True)
    return mistakes_of(caught.value, Outer, lambda key: f"from({key})")


@pytest.mark.parametrize(
    ("inner", "line"),
    [
        (
            {"size": 2, "share": 0.0},
            "inner.share = 0.0: must be greater than 0; give a value > 0 and <= 1 (default 0.5)",
        ),
        (
            {"size": 2, "share": 1.5},
            "inner.share = 1.5: must be at most 1; give a value > 0 and <= 1 (default 0.5)",
        ),
        (
            {"size": 2, "share": "much"},
            'inner.share = "much": must be a number; give a value > 0 and <= 1 (default 0.5)',
        ),
        (
            {"size": 1},
            "inner.size = 1: must be at least 2; give a value >= 2 and < 9",
        ),
        ({"size": 9}, "inner.size = 9: must be less than 9; give a value >= 2 and < 9"),
        ({"size": 3}, "inner.size = 3: is odd; make it even"),
        (
            {"size": 2, "stage": "PILOTT"},
            (
                'inner.stage = "PILOTT": unknown value; choose one of PILOT, PRODUCTION'
                " (did you mean PILOT?)"
            ),
        ),
        ({"size": 2, "shar": 1}, "inner.shar = 1: unknown key; did you mean share?"),
        ({"size": 2, "x": 1}, "inner.x = 1: unknown key; known here: share, size, stage"),
    ],
)
def test_each_kind_of_mistake_has_its_words(inner: dict[str, object], line: str) -> None:
    """Origin, key, value, problem and remedy, in the words of the trade."""
    key = line.partition(" = ")[0]
    assert lines({"inner": inner}) == [f"from({key}): {line}"]


def test_a_missing_key_is_named_with_what_it_takes() -> None:
    """A required key that is absent says so and shows its range."""
    (line,) = lines({"inner": {}})
    assert line.startswith("from(inner.size): inner.size = ")
    assert "is missing; give a value >= 2 and < 9" in line


def test_all_mistakes_are_listed_once() -> None:
    """Several mistakes are several lines, each once, in order of declaration."""
    found = lines({"inner": {"share": -1.0, "size": 1, "y": 0}, "z": 1})
    assert [line.split(" = ")[0].partition(": ")[2] for line in found] == [
        "inner.share",
        "inner.size",
        "inner.y",
        "z",
    ]


@given(st.text(), st.text(), st.text(), st.text())
def test_a_mistake_is_one_line_whatever_was_written(
    key: str, value: str, one: str, two: str
) -> None:
    """No value can break a line in two."""
    assert len(mistake("file", key, value, one, two).splitlines()) <= 1


def test_a_long_value_keeps_its_ends() -> None:
    """A value is shortened in the middle: the end of a path tells more than its middle."""
    text = shown("/" + "a" * 500 + "/secret.toml")
    assert len(text) < 130
    assert text.startswith('"/aaa')
    assert text.endswith('secret.toml"')


@pytest.mark.parametrize(
    ("value", "text"),
    [(float("nan"), "nan"), (float("inf"), "inf"), (None, "null"), (True, "true"), ("é", '"é"')],
)
def test_values_are_shown_as_they_are_written(value: object, text: str) -> None:
    """NaN, nothing, truth and letters beyond ASCII are shown readably."""
    assert shown(value) == text
