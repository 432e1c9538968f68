"""Does what scikit-learn found survive as plain numbers, and is the penalty chosen honestly?"""

from __future__ import annotations

import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.app.training_files import columns, examples
from trader.app.policy_fit import PENALTIES, chosen_penalty, fit, fitted, load_learner
from trader.backtest.call_state import FEATURES
from trader.backtest.policy_rows import PolicyRows, policy_rows
from trader.domain.errors import ConfigurationError


def rows(count: int = 300, *, edge: float = 0.0, seed: int = 3) -> PolicyRows:
    """Take the rows to learn from."""
    return policy_rows(columns(examples(count, edge=edge, seed=seed)), FEATURES).of("train")


@given(st.integers(0, 10_000), st.sampled_from(PENALTIES), st.integers(2, 60))
def test_plain_numbers_predict_what_scikit_learn_does(seed: int, penalty: float, n: int) -> None:
    """To 1e-12, for features of any size, also one that never moves."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 4)) * np.array([1.0, 1e-3, 1e3, 0.0]) + np.array([0, 1, -5, 2.0])
    reward = rng.normal(0.0, 0.05, n)
    made = fitted(features, reward, penalty, load_learner())
    pipeline = make_pipeline(StandardScaler(), Ridge(alpha=penalty, solver="cholesky"))
    expected = pipeline.fit(features, reward).predict(features)
    np.testing.assert_allclose(made.expected(features), expected, rtol=0, atol=1e-12)


def test_an_edge_is_learned_and_noise_is_not() -> None:
    """Rewards that follow iv make its coefficient; rewards that follow nothing leave the mean."""
    made = fit(rows(edge=0.01), load_learner())
    assert made.model == "ridge"
    strongest = int(np.argmax(np.abs(made.coefficient)))
    assert FEATURES[strongest] == "iv"
    assert made.coefficient[strongest] == pytest.approx(0.01, rel=0.2)
    blind = fit(rows(), load_learner())
    assert (blind.model, blind.penalty) == ("constant", None)
    assert not blind.coefficient.any()
    assert blind.intercept == pytest.approx(rows().reward.mean())


def test_a_fold_is_judged_by_what_was_known_before_it() -> None:
    """An outcome that was known only later teaches nothing: then only the mean is left."""
    known = rows(edge=0.01)
    assert chosen_penalty(known, load_learner()) is not None
    late = msgspec.structs.replace(known, ended_at=known.ended_at + 10**18)
    assert chosen_penalty(late, load_learner()) is None


def test_too_few_rows_are_refused() -> None:
    """With how many there are."""
    few = rows(48)
    with pytest.raises(ConfigurationError, match=rf"{len(few)} with every feature known, 40 are"):
        fit(few, load_learner())


def test_a_missing_extra_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, as of any configuration that cannot be run."""
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(ConfigurationError, match=r"extra `train` .* \(pip install trader\[train"):
        load_learner()
