"""How does a fitted policy come from its file, and who may ask it? Every mistake by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from trader.app.mistakes import mistakes_of
from trader.backtest.call_policies import policy_named
from trader.domain.errors import ConfigurationError
from trader.strategies.call_features import MEANINGS
from trader.strategies.fitted_policy import FittedPolicy

if TYPE_CHECKING:
    from trader.backtest.call_policies import PolicyFn

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
