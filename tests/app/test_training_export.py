"""Are exported rows those of the study or the journal, and is every claim of their card true?"""

from __future__ import annotations

import functools
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.app.test_chain_data import CHAINS, CLOSES
from tests.backtest.pasts import chains, day
from tests.storage.story import EVENING, EXPIRY, STORY
from tests.strategies.policies import policy
from trader.app.call_study import configured, span_of
from trader.app.chain_data import read_chains, read_closes
from trader.app.dvol import KnownIndex
from trader.app.scoring import answer
from trader.app.training_export import (
    NO_INDEX,
    NOT_SPLIT,
    Cut,
    TrainingSet,
    check_span,
    format_named,
    instant,
    journal_set,
    study_set,
    write_training,
)
from trader.backtest.call_tape import record_tape
from trader.backtest.training import Quality, config_hash
from trader.domain.errors import ConfigurationError
from trader.domain.models import REGIMES
from trader.domain.units import DAY, HOUR, nanoseconds
from trader.pricing.regime import regime_now
from trader.storage.datasets import DatasetStore
from trader.storage.journal import Journal

DECIDED = {
    "underlying": "BTC", "start": day(4), "end": day(36), "decision_interval_bars": 6,
    "dte_tolerance": 3.6, "delta_tolerance": 0.1,
}  # fmt: skip


USUAL = Cut()


@functools.cache
def made(policy: str = "trend:0.5", cut: Cut = USUAL, **changes: Any) -> TrainingSet:
    """Make rows of a modelled month."""
    asked = configured(**{**DECIDED, **changes})
    history = chains(40, days_max=11.0)
    return study_set(history, asked, policy, cut, size=None, drawdown_penalty=0.2)


def read(folder: Path, one: TrainingSet) -> tuple[dict[str, Any], list[dict[str, Any]], bytes]:
    """Write a set as JSONL; return its card, its rows and its bytes, as the files hold them."""
    path, card, text = write_training(folder, one, "jsonl")
    assert text.read_text().startswith("# ")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return json.loads(card.read_text()), rows, path.read_bytes()


def instant_of(text: str) -> datetime:
    """Read an instant of a card or a row."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("name", ["study", "journal"])
def test_every_claim_of_a_card_is_true_of_the_file(tmp_path: Path, name: str) -> None:
    """All numbers of it once more, from nothing but the file beside it."""
    one = made() if name == "study" else of_story(tmp_path)
    card, rows, content = read(tmp_path / "out", one)
    assert card["file"] == {
        "name": f"{one.name}.jsonl", "format": "jsonl", "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    assert card["rows"] == len(rows)
    times = [instant_of(row["decision_time"]) for row in rows]
    assert times == sorted(times)
    assert [instant_of(card["span"][end]) for end in ("first", "last")] == [times[0], times[-1]]
    for field, column in (("actions", "action"), ("splits", "split"), ("reasons", "reason")):
        told = [row[column] for row in rows if row[column] is not None]
        assert card[field] == {value: told.count(value) for value in sorted(set(told))}
    assert card["quality"]["complete"] == sum(row["quality"] == 0 for row in rows)
    for bit in card["quality"]["bits"].values():
        assert bit["rows"] == sum(bool(row["quality"] & bit["bit"]) for row in rows)
    assert [column["name"] for column in card["columns"]] == list(rows[0])
    for column in card["columns"]:
        known = [row[column["name"]] for row in rows if row[column["name"]] is not None]
        assert column["missing"] == len(rows) - len(known)
        if column["type"] == "timestamp" and known:
            ends = [instant_of(column[end]) for end in ("min", "max")]
            assert ends == [min(map(instant_of, known)), max(map(instant_of, known))]
        elif column["type"] != "string" and known:
            assert (column["min"], column["max"]) == (min(known), max(known))
    assert card["config_hashes"] == sorted({row["config_hash"] for row in rows})
    assert {row["schema_version"] for row in rows} == {card["schema_version"]}
    features = [one["name"] for one in card["columns"] if one["role"] == "feature"]
    for row in rows:
        lacks = any(row[name] is None for name in features if name != "spot")
        assert bool(row["quality"] & Quality.FEATURES_MISSING) == lacks


def test_a_study_says_what_it_was(tmp_path: Path) -> None:
    """Its settings make its hash; the split is the one told; what was modelled is said."""
    card, rows, _ = read(tmp_path, made())
    assert card["config_hashes"] == [config_hash(configured(**DECIDED))]
    assert card["settings"]["policy"] == "trend:0.5"
    assert card["settings"]["drawdown_penalty"] == 0.2
    assert card["source"].startswith("modelled: ")
    assert any("modelled, not recorded" in one for one in card["caveats"])
    cut = instant_of(card["settings"]["split_at"])
    embargo = timedelta(days=card["settings"]["embargo_days"])
    for row in rows:
        decided = instant_of(row["decision_time"])
        over = decided if row["close_time"] is None else instant_of(row["close_time"])
        told = "train" if over <= cut else "test" if decided >= cut + embargo else "embargo"
        assert row["split"] == told
    asked = (instant_of(card["asked"]["from"]), instant_of(card["asked"]["to"]))
    assert nanoseconds(asked[0]) == day(4)
    assert all(asked[0] <= instant_of(row["decision_time"]) < asked[1] for row in rows)
    assert set(card["actions"]) == {"SELL_CALL", "DO_NOTHING"}
    for row in rows:
        if row["action"] == "SELL_CALL":
            assert row["reward"] == pytest.approx(row["pnl_vs_hodl"] - row["drawdown_penalty"])
            assert row["counterfactual_reward"] == 0.0
        else:
            assert row["reward"] == 0.0


def test_the_same_asked_again_is_the_same_bytes(tmp_path: Path) -> None:
    """Rows and cards."""
    first, second = (write_training(tmp_path / name, made(), "parquet") for name in ("a", "b"))
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in second]


def test_too_short_a_span_is_not_split_and_says_so(tmp_path: Path) -> None:
    """Unless somebody asked for the split: then it is refused."""
    short = made(end=day(14))
    card, rows, _ = read(tmp_path, short)
    assert {row["split"] for row in rows} == {None}
    assert NOT_SPLIT in card["caveats"]
    assert "split_at" not in card["settings"]
    with pytest.raises(ConfigurationError, match=r"--split .* no row"):
        made(cut=Cut(at=day(12)), end=day(14))


def test_the_index_known_then_is_a_feature(tmp_path: Path) -> None:
    """Of bars that had ended; where none is held it is no column unless asked for."""
    store = DatasetStore(tmp_path)
    hours = range((day(20) - day(3)) // HOUR)
    closes = [0.5 + 0.001 * n for n in hours]
    prices = dict.fromkeys(("open", "high", "low", "close"), closes)
    store.merge("dvol", "BTC", "a", {"at": [day(3) + n * HOUR for n in hours], **prices})
    asked, history = configured(**DECIDED), chains(40, days_max=11.0)
    one = study_set(
        history, asked, "always", USUAL, size=None, drawdown_penalty=0.0,
        index=KnownIndex(store, "BTC"),
    )  # fmt: skip
    for row in one.table.rows():
        at = nanoseconds(row["decision_time"])
        if at <= day(20):
            assert row["dvol"] == closes[(at - day(3)) // HOUR - 1]
        elif at >= day(22):
            assert row["dvol"] is None
            assert row["quality"] & Quality.FEATURES_MISSING
    assert "dvol" not in made().table.values
    assert NO_INDEX in made().told["caveats"]
    assert set(made(cut=Cut(features=("iv", "dvol"))).table.values["dvol"]) == {None}


def test_the_regime_known_then_is_a_feature() -> None:
    """Of the closes up to the decision, those of the 60 days before the set among them."""
    asked = configured(**{**DECIDED, "start": day(55), "end": day(80)})
    history = chains(84, days_max=11.0)
    one = study_set(history, asked, "always", USUAL, size=None, drawdown_penalty=0.0)
    tape = record_tape(history, nanoseconds(asked.start), nanoseconds(asked.end))
    rows, told = one.table.rows(), set()
    for row in rows:
        known = tape.spots.close[tape.spots.known_at <= nanoseconds(row["decision_time"])]
        assert row["regime"] == regime_now(known).regime
        assert row["regime"] is not None or row["quality"] & Quality.FEATURES_MISSING
        told.add(row["regime"])
    assert rows[0]["regime"] is None
    assert rows[-1]["regime"] in REGIMES
    assert len(told) > 2  # unknown at first, then more than one


def test_an_exported_row_scores_as_the_state_it_was_made_of(tmp_path: Path) -> None:
    """Its columns are the features of a state, the regime beside them: JSON in, the same out."""
    _, rows, _ = read(tmp_path, made())
    learned = policy()
    complete = [row for row in rows if row["iv"] is not None and row["trend"] is not None]
    assert len(complete) > 50
    for row in complete:
        told = answer(learned, json.dumps(row))
        assert "error" not in told
        assert told["expected_reward"] == learned.expected([row["iv"], row["trend"]])
    assert "regime" in complete[0]


def test_a_chosen_split_is_kept(tmp_path: Path) -> None:
    """Cut and embargo as asked for."""
    card, _, _ = read(tmp_path, made(cut=Cut(at=day(20), embargo=timedelta(days=2))))
    assert nanoseconds(instant_of(card["settings"]["split_at"])) == day(20)
    assert card["settings"]["embargo_days"] == 2.0


def test_what_cannot_be_exported_is_refused_by_name() -> None:
    """Policy, feature, span, size: each with what to do."""
    for wrong, said in (
        ({"policy": "often"}, "policy 'often'"),
        ({"cut": Cut(features=("iv", "mood"))}, "--features: 'mood' is unknown; choose among"),
        ({"cut": Cut(features=())}, "--features: none named"),
        ({"end": day(8)}, "holds no decision time: 7 days"),
        ({"end": day(90)}, "is not within"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            made(**wrong)
    with pytest.raises(ConfigurationError, match="--format 'xls': choose one of parquet, csv, js"):
        format_named("xls")


def test_instants_have_a_timezone() -> None:
    """A UTC day or an instant with its offset; a naive one, or none at all, is refused by name."""
    assert instant("--from", "2022-01-03") == nanoseconds(datetime(2022, 1, 3, tzinfo=UTC))
    assert instant("--from", "2022-01-03T10:00+02:00") == instant("--from", "2022-01-03T08:00Z")
    assert instant("--to", None) is None
    with pytest.raises(ConfigurationError, match=r"--to '2022-01-03T08:00' has no timezone: .*Z"):
        instant("--to", "2022-01-03T08:00")
    with pytest.raises(ConfigurationError, match="--from 'monday' is no time: write a UTC day"):
        instant("--from", "monday")
    check_span(day(1), day(2))
    check_span(None, day(2))
    for start, end in ((day(2), day(1)), (day(2), day(2))):
        with pytest.raises(ConfigurationError, match=r"--from 2022-.* must come before --to 2022"):
            check_span(start, end)


def journal_of(folder: Path) -> str:
    """Write the evening's journal."""
    url = f"sqlite:///{folder}/journal.sqlite"
    with Journal.create_or_open(url, writer=True) as journal:
        journal.append(STORY)
    return url


def of_story(
    folder: Path, span: tuple[int | None, int | None] = (None, None), coin: str = "BTC"
) -> TrainingSet:
    """Export what the evening's journal holds."""
    with Journal.create_or_open(journal_of(folder), writer=False) as journal:
        return journal_set(journal, coin, span, Cut())


def test_a_journal_tells_what_was_decided_and_what_came_of_it(tmp_path: Path) -> None:
    """A sale with the result of its chain, and a refusal with its rule; its expiry by its name."""
    rows = of_story(tmp_path).table.rows()
    assert [(row["action"], row["reward"], row["reason"]) for row in rows] == [
        ("SELL_CALL", 152.1, None), ("DO_NOTHING", 0.0, "underlying_risk"),
    ]  # fmt: skip
    assert rows[0]["dte_days"] == (EXPIRY - EVENING) / DAY


def test_a_journal_is_cut_to_the_span(tmp_path: Path) -> None:
    """From on, before to; nothing in it is refused with what there is."""
    one = of_story(tmp_path, (EVENING, EVENING + HOUR))
    assert one.table.values["verdict_id"] == ["v1"]
    for span, coin in (((EXPIRY, None), "BTC"), ((None, None), "ETH")):
        folder = tmp_path / coin
        folder.mkdir()
        said = rf"no call on {coin} was proposed from --from .*, 2 calls in the whole journal"
        with pytest.raises(ConfigurationError, match=said):
            of_story(folder, span, coin)


@pytest.mark.real_data
def test_four_months_of_real_chains_become_rows(real_data: Path, tmp_path: Path) -> None:
    """Recorded boards: both actions, an outcome for nearly every call, features of each time."""
    closes = read_closes(real_data / CLOSES, "BTC-PERPETUAL")
    market = read_chains(real_data / CHAINS, "BTC", closes)
    history = market.chains()
    start, end = span_of(history.span, None, None, 1.0)
    asked = configured(
        underlying="BTC", start=start, end=end, decision_interval_bars=1,
        dte_tolerance=3.0, delta_tolerance=0.1,
    )  # fmt: skip
    one = study_set(history, asked, "always", Cut(), size=None, drawdown_penalty=0.0)
    card, rows, _ = read(tmp_path, one)
    assert card["source"].startswith("recorded: ")
    assert card["actions"]["SELL_CALL"] > 8
    called = [row for row in rows if row["instrument_name"] is not None]
    assert sum(row["pnl_vs_hodl"] is not None for row in called) > 0.9 * len(called)
