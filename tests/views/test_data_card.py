"""Does a card say what the rows beside it are, as data and to be read?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.backtest.calls import modelled, study
from trader.backtest.covered_call import CoveredCallSimulator
from trader.backtest.training import Quality, generate_training_data
from trader.backtest.training_table import call_table
from trader.views.data_card import CAVEATS, DTYPES, QUALITY, READS, card_text, data_card

TOLD = {
    "title": "Calls", "schema": "calls", "schema_version": 1, "source": "modelled: by hand",
    "file": {"name": "calls.csv", "format": "csv", "bytes": 12_345, "sha256": "ab12"},
    "asked": {"from": "a", "to": "b"}, "settings": {"policy": "always"},
    "config_hashes": ["c0ffee"], "code_version": "0.1.0", "code_hash": "beef",
    "caveats": ["made up"],
}  # fmt: skip


def test_numbers_are_counted_from_the_rows() -> None:
    """Rows, span, actions, missing cells and ranges; every bit of quality has its meaning."""
    table = call_table(generate_training_data(CoveredCallSimulator(modelled(), study())))
    card = data_card(table, TOLD)
    rows = table.rows()
    assert card["rows"] == len(rows)
    assert card["span"]["first"] == rows[0]["decision_time"].isoformat()
    assert sum(card["actions"].values()) == len(rows)
    assert card["splits"] == {}
    assert set(QUALITY) == set(Quality)
    for name, bit in card["quality"]["bits"].items():
        assert bit["rows"] == sum(bool(row["quality"] & Quality[name]) for row in rows)
    assert card["quality"]["complete"] == sum(row["quality"] == 0 for row in rows) > 0
    for one in card["columns"]:
        known = [row[one["name"]] for row in rows if row[one["name"]] is not None]
        assert one["missing"] == len(rows) - len(known)
        assert one["pandas"] == DTYPES[one["type"]]
        if one["type"] == "float64" and known:
            assert (one["min"], one["max"]) == (min(known), max(known))
    assert card["caveats"] == [*CAVEATS, "made up"]
    assert card["reads"] == READS["csv"]


@pytest.mark.parametrize(
    "said",
    [
        "# Calls\n", "`calls.csv`: ", "12,345 bytes", "`ab12`", "version 1", "`c0ffee`",
        "trader 0.1.0, source `beef`", "- policy: always", "modelled: by hand",
        "- action: DO_NOTHING ", "| 4 | NO_OUTCOME | ", "- made up\n", "polars.read_csv",
        "| `quality` | int64 | quality | bits | 0 | 0 | ",
    ],
)  # fmt: skip
def test_it_can_be_read(said: str) -> None:
    """Every fact that is told stands in the text; every column is a line of a table."""
    table = call_table(generate_training_data(CoveredCallSimulator(modelled(), study())))
    text = card_text(data_card(table, TOLD))
    assert said in text
    for column in table.columns:
        (line,) = [one for one in text.splitlines() if one.startswith(f"| `{column.name}` |")]
        assert line.endswith(f"| {column.meaning} |")
        assert line.count("|") == 9


def test_a_set_that_was_split_says_how_many_are_where() -> None:
    """By label; nothing where nobody split."""
    table = call_table(generate_training_data(CoveredCallSimulator(modelled(), study())))
    labels: list[Any] = ["train", "test"] * len(table)
    table.values["split"][:] = labels[: len(table)]
    card = data_card(table, TOLD)
    assert set(card["splits"]) == {"train", "test"}
    assert f"- split: test {card['splits']['test']}, train {card['splits']['train']}" in card_text(
        card
    )
