"""Is each state answered, in its order, and what is wrong with it told?"""

from __future__ import annotations

import json

import pytest

from tests.strategies.policies import policy
from trader.app.scoring import answer, states_in
from trader.domain.errors import ConfigurationError
from trader.strategies.fitted_policy import score

SEEN = {"iv": 0.6, "trend": 1.0, "spot": 50_000.0}


def test_an_answer_is_the_score_and_whose_it_is() -> None:
    """Plain JSON: it reads back to the same."""
    told = json.loads(json.dumps(answer(policy(), json.dumps(SEEN))))
    assert told["policy"] == policy().digest[:16]
    assert told["expected_reward"] == score(policy(), SEEN).expected_reward
    assert told["outside"] == []
    (beyond,) = answer(policy(), '{"iv": 2, "trend": 0}')["outside"]
    assert beyond == {"feature": "iv", "value": 2.0, "low": 0.3, "high": 0.9}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"iv": 0.6}', "trend is missing: give a finite number"),
        ('{"iv": NaN, "trend": 1}', "iv is nan"),
        ("[1]", "'[1]' is no JSON object"),
        ("iv=1", "'iv=1' is no JSON"),
    ],
)
def test_a_mistake_is_an_answer(text: str, said: str) -> None:
    """It names what is wrong and what to do."""
    assert answer(policy(), text)["error"].startswith(said)


def test_states_are_an_object_a_list_or_lines() -> None:
    """However they are written; none at all is refused."""
    one = json.dumps(SEEN)
    for text in (json.dumps(SEEN, indent=2), json.dumps([SEEN]), f"\n{one}\n"):
        assert states_in(text) == [SEEN]
        assert [answer(policy(), one) for one in states_in(text)] == [answer(policy(), SEEN)]
    assert states_in(f"{one}\n\nnot json\n{one}\n") == [one, "not json", one]
    for text in ("", "\n \n", "[]"):
        with pytest.raises(ConfigurationError, match="--state holds no state"):
            states_in(text)
