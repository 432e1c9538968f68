"""How does a fitted policy come from its file, and who may ask it? Every mistake by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from trader.app.mistakes import mistake, mistakes_of
from trader.backtest.call_policies import policy_named
from trader.domain.errors import ConfigurationError
from trader.strategies.call_features import MEANINGS
from trader.strategies.fitted_policy import FittedPolicy, PolicyParameter, asked_policy
from trader.strategies.live_state import unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.backtest.call_policies import PolicyFn
    from trader.backtest.call_results import CallSimulationConfig
    from trader.strategies.strategy import Strategy

MODEL: Final = "model:"


def read_policy(path: Path) -> FittedPolicy:
    """Read a policy as `trader train policy` wrote it.

    Raises:
        ConfigurationError: there is none, or what it holds is none: a line for each mistake.
    """
    try:
        return FittedPolicy.model_validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}): name a policy of trader train policy"
        ) from error
    except ValidationError as error:
        raise ConfigurationError(mistakes_of(error, FittedPolicy, lambda _: str(path))) from error


def policy_of(text: str, underlying: str) -> PolicyFn:
    """Find the policy a study on a coin is to try: one by its name, or `model:FILE`.

    Raises:
        ValueError: there is none of that name.
        ConfigurationError: the file holds none, it is of another coin, or it looks at what a study
            does not know.
    """
    if not text.startswith(MODEL):
        return policy_named(text)
    path = Path(text.removeprefix(MODEL))
    policy = read_policy(path)
    if policy.underlying != underlying:
        raise ConfigurationError(
            f"policy {text!r}: learned on {policy.underlying}, not on {underlying}; train one on"
            " rows of that coin"
        )
    unknown = [name for name in policy.names if name not in MEANINGS]
    if unknown:
        raise ConfigurationError(
            f"policy {text!r}: a study does not know {', '.join(unknown)}; train one with"
            " --features without it"
        )
    return policy


def policy_notes(name: str, policy: PolicyFn, asked: CallSimulationConfig) -> list[str]:
    """Say what a reader should know of a fitted policy in a study: what it remembers, and of what.

    Nothing is said of other policies.
    """
    if not isinstance(policy, FittedPolicy):
        return []
    notes = []
    if asked.start < policy.tested.first:
        notes.append(
            f"{name} learned from what came before {policy.tested.first:%Y-%m-%d}: until then the"
            " study tells what it remembers, not what it earns"
        )
    others = [
        f"{field} {getattr(asked, field)} (learned {learned})"
        for field, learned in policy.terms.model_dump().items()
        if field in asked.__struct_fields__ and getattr(asked, field) != learned
    ]
    if others:
        notes.append(f"{name} learned from other calls: asked about {', '.join(others)}")
    return notes


def with_policy(
    kind: type[Strategy], parameters: Mapping[str, object], folder: Path
) -> dict[str, object]:
    """Put a policy in the place of the file that the parameter `policy` names.

    Relative to `folder`; kinds of strategies that ask no policy are left alone.

    Raises:
        ConfigurationError: the file cannot be read, or holds none.
    """
    named, field = parameters.get("policy"), kind.Settings.model_fields.get("policy")
    if not isinstance(named, str) or field is None or field.annotation != PolicyParameter:
        return dict(parameters)
    return {**parameters, "policy": read_policy(folder / named)}


def policy_mistakes(origin: str, strategy: Strategy, named: object) -> list[str]:
    """List why a strategy cannot ask its policy, `named` by origin; nothing where it asks none."""
    settings = strategy.settings
    policy = asked_policy(settings)
    if policy is None:
        return []
    found = unfit(
        policy, strategy.underlying,
        getattr(settings, "target_days", policy.terms.target_dte),
        getattr(settings, "target_delta", policy.terms.target_delta),
    )  # fmt: skip
    parts = (one.partition("; ") for one in found)
    return [mistake(origin, "policy", named, problem, remedy) for problem, _, remedy in parts]
