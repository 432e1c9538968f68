"""Does a set become the policy its rows teach, tested on later ones, and the same one each time?"""

from __future__ import annotations

import functools
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.app.test_chain_data import CHAINS, CLOSES
from tests.app.training_files import START, examples, write_rows
from trader.app.call_study import configured, span_of
from trader.app.chain_data import read_chains, read_closes
from trader.app.policy_training import train_policy
from trader.app.training_export import Cut, study_set, write_training
from trader.domain.errors import ConfigurationError
from trader.storage.training_sets import FORMATS
from trader.strategies.call_features import LIVE
from trader.strategies.fitted_policy import FittedPolicy, policy_json

EDGE = 0.01


@functools.cache
def with_edge() -> list[Any]:
    """Make rows whose rewards follow iv."""
    return examples(edge=EDGE)


def test_an_edge_is_found_out_of_sample(tmp_path: Path) -> None:
    """It sells half of the time, and beats always and never; what it says of itself is true."""
    path = write_rows(tmp_path, with_edge())
    policy = train_policy(path)
    assert policy.names == LIVE
    assert policy.tested.advantage
    assert policy.tested.policy_less_always.low > 0
    assert 0.35 < policy.tested.sold / policy.tested.decisions < 0.65
    trained, tested = policy.trained, policy.tested
    assert (trained.first, trained.rows, trained.left_out) == (START, 398, {})
    assert trained.last + timedelta(days=3) <= START + timedelta(days=400)
    assert tested.first == START + timedelta(days=407)
    assert (tested.decisions, tested.independent, tested.declined_for_missing) == (193, 65, 0)
    assert trained.set_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert trained.config_hash == "c0ffee"
    assert policy.terms.target_dte == 7.0
    assert sum(band.rows_learned for band in policy.bands) == 398
    assert sum(band.rows_tested for band in policy.bands) == policy.residuals.rows == 193
    means = [band.mean_learned or 0.0 for band in policy.bands]
    assert means == sorted(means)
    assert policy.residuals.low < -0.01 < 0.01 < policy.residuals.high


def test_its_test_is_what_the_policy_itself_would_have_done(tmp_path: Path) -> None:
    """Once more by the file alone: asked of every later row, its mean reward is the one told."""
    policy = train_policy(write_rows(tmp_path, with_edge()))
    later = [one for one in with_edge() if one.decision_time >= policy.tested.first]
    rewards = [
        (one.reward if one.action == "SELL_CALL" else one.extra["counterfactual_reward"]) / one.spot
        for one in later
    ]
    earned = [
        reward if policy(one.extra) else 0.0 for one, reward in zip(later, rewards, strict=True)
    ]
    assert policy.tested.policy.mean == pytest.approx(np.mean(earned))
    assert policy.tested.always.mean == pytest.approx(np.mean(rewards))
    assert policy.tested.sold == sum(policy(one.extra) for one in later)


def test_noise_has_no_evidence(tmp_path: Path) -> None:
    """Rewards that follow nothing: the mean of the past, and no claim."""
    policy = train_policy(write_rows(tmp_path, examples()))
    assert policy.model == "constant"
    assert len(policy.bands) == 1
    assert not policy.tested.advantage
    assert policy.tested.evidence.startswith("no evidence of an advantage")


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_set_is_the_same_policy_to_the_byte(tmp_path: Path, form: Any) -> None:
    """Twice, and of each format all but the hash of its file."""
    first = train_policy(write_rows(tmp_path / "a", with_edge(), form))
    second = train_policy(write_rows(tmp_path / "b", with_edge(), form))
    assert policy_json(first) == policy_json(second)
    assert FittedPolicy.model_validate_json(policy_json(first), strict=True) == first
    other = train_policy(write_rows(tmp_path / "c", with_edge(), "parquet"))
    assert first.features == other.features
    assert first.tested == other.tested


def test_what_lacks_a_feature_is_not_learned_from_and_declined(tmp_path: Path) -> None:
    """Counted on both sides; a feature that most rows lack is refused by name."""
    rows = [
        msgspec.structs.replace(one, extra={**one.extra, "skew": None, "quality": 16})
        if place % 10 == 0
        else one
        for place, one in enumerate(with_edge())
    ]
    policy = train_policy(write_rows(tmp_path, rows))
    assert policy.trained.left_out == {"feature_missing": 40}
    assert policy.tested.declined_for_missing == 19
    assert policy.residuals.rows == 193 - 19
    rows = [msgspec.structs.replace(one, extra={**one.extra, "skew": None}) for one in rows]
    with pytest.raises(ConfigurationError, match="'skew' is known in 0 of 398 rows"):
        train_policy(write_rows(tmp_path / "none", rows))
    assert train_policy(tmp_path / "none" / "rows.parquet", ("iv",)).tested.advantage


def test_a_feature_that_nobody_knew_later_cannot_be_tested(tmp_path: Path) -> None:
    """It was learned from, and is missing in every row to test on: no residual, no policy."""
    rows = [
        msgspec.structs.replace(one, extra={**one.extra, "skew": None, "quality": 16})
        if place >= 400
        else one
        for place, one in enumerate(with_edge())
    ]
    with pytest.raises(ConfigurationError, match="no row to test on has every feature"):
        train_policy(write_rows(tmp_path, rows))


def test_a_threshold_is_what_must_be_expected(tmp_path: Path) -> None:
    """The higher, the fewer are sold; it is kept."""
    path = write_rows(tmp_path, with_edge())
    low, high = train_policy(path, ("iv",)), train_policy(path, ("iv",), 0.01)
    assert high.threshold == 0.01
    assert 0 < high.tested.sold < low.tested.sold
    with pytest.raises(ConfigurationError, match="--threshold nan must be a finite number"):
        train_policy(path, threshold=float("nan"))


def test_a_set_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """No file, no card, another schema, a changed file, no split, an unknown feature."""
    path = write_rows(tmp_path, with_edge())
    for asked, said in (
        (("iv", "mood"), "--features: 'mood' is unknown; choose among return_1d"),
        (("iv", "iv"), "--features: 'iv' is named twice; name each once"),
        ((), "--features: none named; choose among return_1d"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            train_policy(path, asked)
    with pytest.raises(ConfigurationError, match=r"none\.parquet cannot be read .*with its card"):
        train_policy(tmp_path / "none.parquet")
    unsplit = write_rows(tmp_path / "unsplit", with_edge(), split=False)
    with pytest.raises(ConfigurationError, match="split is empty in row 0"):
        train_policy(unsplit)
    decisions = write_rows(tmp_path / "live", with_edge(), schema="covered_call_decisions")
    with pytest.raises(ConfigurationError, match="without --journal"):
        train_policy(decisions)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ConfigurationError, match="is not the file of its card"):
        train_policy(path)
    card = path.with_name("rows.parquet.card.json")
    card.write_text(json.dumps({"schema": 1}))
    with pytest.raises(ConfigurationError, match=r"card\.json is no card"):
        train_policy(path)
    card.unlink()
    with pytest.raises(ConfigurationError, match=r"card\.json cannot be read"):
        train_policy(path)


@pytest.mark.real_data
def test_four_months_of_real_chains_prove_nothing_and_say_so(
    real_data: Path, tmp_path: Path
) -> None:
    """Recorded boards, from the export to the policy: read back, tested on weeks, no claim."""
    closes = read_closes(real_data / CLOSES, "BTC-PERPETUAL")
    history = read_chains(real_data / CHAINS, "BTC", closes).chains()
    start, end = span_of(history.span, None, None, 1.0)
    asked = configured(
        underlying="BTC", start=start, end=end, decision_interval_bars=1, dte_tolerance=3.0,
        delta_tolerance=0.1,
    )  # fmt: skip
    made = study_set(history, asked, "always", Cut(), size=None, drawdown_penalty=0.0)
    path = write_training(tmp_path, made, "parquet")[0]
    policy = train_policy(path)
    assert policy.trained.source.startswith("recorded: ")
    assert policy.trained.rows > 150
    assert policy.tested.decisions > 50
    assert policy.tested.independent < 8
    assert not policy.tested.advantage
    assert -0.02 < policy.tested.always.mean < 0.02
    assert policy_json(train_policy(path)) == policy_json(policy)
