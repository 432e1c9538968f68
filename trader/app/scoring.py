"""What has a candidate historically earned? Answers for other programs: JSON in, JSON out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from trader.domain.errors import ConfigurationError
from trader.strategies.fitted_policy import score

if TYPE_CHECKING:
    from trader.strategies.fitted_policy import FittedPolicy


def states_in(text: str) -> list[Any]:
    """Split a file into states: one JSON object, a list of them, or lines still to be read.

    Raises:
        ConfigurationError: there is none.
    """
    found: list[Any]
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        found = [line for line in text.splitlines() if line.strip()]
    else:
        found = whole if isinstance(whole, list) else [whole]
    if not found:
        raise ConfigurationError("--state holds no state: write a JSON object a line")
    return found


def answer(policy: FittedPolicy, state: Any) -> dict[str, Any]:  # noqa: ANN401 - as it came
    """Score one state, or the line that holds it; what is wrong with it is the answer too."""
    shown = state.strip()[:60] if isinstance(state, str) else json.dumps(state)[:60]
    try:
        state = json.loads(state) if isinstance(state, str) else state
    except json.JSONDecodeError as error:
        return {"error": f"{shown!r} is no JSON ({error}): write an object a line"}
    if not isinstance(state, dict):
        return {"error": f"{shown!r} is no JSON object: write a state's features"}
    try:
        told: dict[str, Any] = msgspec.to_builtins(score(policy, state))
    except ValueError as error:
        return {"error": str(error)}
    return {"policy": policy.digest[:16], "underlying": policy.underlying, **told}
