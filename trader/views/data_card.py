"""What must somebody know who uses a set of training rows? A card: as data, and to read.

Every number on it is computed from the rows it stands beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from trader.backtest.training import Quality

if TYPE_CHECKING:
    from trader.backtest.training_table import Column, TrainingTable

QUALITY: Final = {
    Quality.NO_SPOT: "no price of the coin was known",
    Quality.NO_CALL: "no call could have been sold; reason says why",
    Quality.NO_OUTCOME: "the reward, or the one forgone, is not known",
    Quality.MARKS_CARRIED: "some bars on the call's way had no mark: its penalty is a guess",
    Quality.FEATURES_MISSING: "at least one feature of this file is not known",
}
"""What each bit of the column `quality` says."""
DTYPES: Final = {
    "timestamp": "datetime64[us, UTC]", "string": "string", "float64": "float64", "int64": "int64",
}  # fmt: skip
"""What pandas holds each type as."""
CAVEATS: Final = (
    "Columns of the role `outcome` were not known at decision_time: show them to no model.",
    "Outcomes of neighboring rows overlap: split by time (column `split`), never at random.",
    "Rewards are those of paper trades: nobody's order moved a price.",
)
READS: Final = {
    "parquet": {
        "pandas": "pandas.read_parquet(path).astype(dtypes)",
        "polars": "polars.read_parquet(path)",
    },
    "csv": {
        "pandas": "pandas.read_csv(path, dtype='string').astype(dtypes)",
        "polars": "polars.read_csv(path, schema=schema)",
    },
    "jsonl": {
        "pandas": "pandas.read_json(path, lines=True, dtype=False, precise_float=True)"
        ".astype(dtypes)",
        "polars": "polars.read_ndjson(path, schema=schema)",
    },
}
"""How each format is read to the same rows and types: `dtypes` maps the columns to their `pandas`,
`schema` to the types of polars of the same names (timestamp: Datetime("us", "UTC"))."""
SHOWN: Final = ("name", "type", "role", "unit", "missing", "min", "max", "meaning")
"""What the card to be read tells of a column."""


def data_card(table: TrainingTable, told: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a table with at least one row; `told` (title, file, source, ...) comes first.

    `caveats` of `told` come after those that always hold.
    """
    values = table.values
    times = values["decision_time"]
    return {
        **{name: value for name, value in told.items() if name != "caveats"},
        "rows": len(table),
        "span": {"first": min(times).isoformat(), "last": max(times).isoformat()},
        "actions": _counts(values["action"]),
        "splits": _counts(values["split"]),
        "reasons": _counts(values["reason"]),
        "quality": {
            "complete": sum(one == 0 for one in values["quality"]),
            "bits": {
                str(bit.name): {
                    "bit": int(bit),
                    "rows": sum(bool(one & bit) for one in values["quality"]),
                    "meaning": meaning,
                }
                for bit, meaning in QUALITY.items()
            },
        },
        "reads": READS[told["file"]["format"]],
        "columns": [_column(one, values[one.name]) for one in table.columns],
        "caveats": [*CAVEATS, *told.get("caveats", ())],
    }


def _counts(values: Sequence[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(one for one in values if one is not None).items()))


def _column(column: Column, values: Sequence[Any]) -> dict[str, Any]:
    known = [one for one in values if one is not None]
    ranged = bool(known) and column.type != "string"
    return {
        "name": column.name,
        "type": column.type,
        "pandas": DTYPES[column.type],
        "role": column.role,
        "unit": column.unit,
        "meaning": column.meaning,
        "missing": len(values) - len(known),
        "min": _plain(min(known)) if ranged else None,
        "max": _plain(max(known)) if ranged else None,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    return value.isoformat() if isinstance(value, datetime) else value


def card_text(card: Mapping[str, Any]) -> str:
    """Write a card to be read, in Markdown."""
    file, quality = card["file"], card["quality"]
    lines = [
        f"# {card['title']}",
        "",
        f"`{file['name']}`: {card['rows']:,} rows, {file['format']}, {file['bytes']:,} bytes.",
        "",
        f"- sha256: `{file['sha256']}`",
        f"- decided: {card['span']['first']} to {card['span']['last']}",
        f"- asked for: {card['asked']['from']} to before {card['asked']['to']}",
        f"- schema: {card['schema']}, version {card['schema_version']}",
        f"- code: trader {card['code_version']}, source `{card['code_hash']}`",
        f"- configuration: {', '.join(f'`{one}`' for one in card['config_hashes'])}",
        *(f"- {name}: {value}" for name, value in card["settings"].items()),
        f"- source: {card['source']}",
        "",
        "## Rows",
        "",
        *_count_lines("action", card["actions"]),
        *_count_lines("split", card["splits"]),
        *_count_lines("reason", card["reasons"]),
        "",
        "## Quality",
        "",
        f"{quality['complete']:,} of {card['rows']:,} rows lack nothing. Bits of `quality`:",
        "",
        *_table(
            ("bit", "name", "rows", "meaning"),
            [
                (one["bit"], name, f"{one['rows']:,}", one["meaning"])
                for name, one in quality["bits"].items()
            ],
        ),
        "",
        "## Columns",
        "",
        *_table(SHOWN, [_shown(one) for one in card["columns"]]),
        "",
        "Read it with `dtypes` or `schema` from the columns of the card in JSON:",
        "",
        *(f"- `{one}`" for one in card["reads"].values()),
        "",
        "## Caveats",
        "",
        *(f"- {one}" for one in card["caveats"]),
    ]
    return "\n".join(lines) + "\n"


def _count_lines(name: str, counts: Mapping[str, int]) -> list[str]:
    told = ", ".join(f"{value} {count:,}" for value, count in counts.items())
    return [f"- {name}: {told}"] if told else []


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(one) for one in row) + " |" for row in cells]


def _shown(column: Mapping[str, Any]) -> list[str]:
    return [f"`{column['name']}`", *(_short(column[name]) for name in SHOWN[1:])]


def _short(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)
