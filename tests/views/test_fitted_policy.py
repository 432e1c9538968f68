"""Does the text of a policy say what it learned, how it was tested, and what that proves?"""

from __future__ import annotations

from tests.strategies.policies import content, policy
from trader.views.fitted_policy import NOTHING_LEARNED, policy_text


def test_a_policy_is_told_with_its_test() -> None:
    """Every feature; shares sold; means with intervals; the conclusion last."""
    text = policy_text(policy())
    assert "Learned on BTC, 2022-01-03 to 2022-06-03: 150 rows (left out: 2 no_call)" in text
    assert "ridge, penalty 10" in text
    lines = {line.split("  ")[0]: line for line in text.splitlines()}
    assert lines["iv"].split()[-5:] == ["0.5", "+0.400%", "0.3", "to", "0.9"]
    assert "50%" in lines["policy"]
    assert "100%" in lines["always"]
    assert "-0.200% to +0.400%" in lines["policy less always"]
    assert "80 decisions, 12 outcomes that do not overlap" in text
    assert text.endswith("Result: no evidence of an advantage.")


def test_a_policy_that_learned_nothing_says_so() -> None:
    """The mean alone has no table of features."""
    features = [{**one, "coefficient": 0.0} for one in content()["features"]]
    text = policy_text(policy(model="constant", penalty=None, features=features))
    assert NOTHING_LEARNED in text
    assert "one deviation more" not in text
