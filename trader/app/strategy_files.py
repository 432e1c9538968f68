"""Which strategies run, with which parameters? The files of `config/strategies`, checked whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from trader.app.layers import file_layer
from trader.app.mistakes import mistake, mistakes_of
from trader.app.policy_files import policy_mistakes, with_policy
from trader.app.strategy_code import source_hash
from trader.domain.errors import ConfigurationError, nearest
from trader.domain.instruments import INVERSE_COINS
from trader.strategies.fitted_policy import asked_policy
from trader.strategies.strategy import StrategyFile, coins_of, reads_board, trades_linear

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from trader.strategies.strategy import Strategy


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfiguredStrategy:
    """A strategy ready to run. Its stage belongs to (name, `configuration_hash`)."""

    strategy: Strategy
    file: StrategyFile
    path: Path
    configuration_hash: str


def find_files(origin: str, paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """List the files that `strategies` names, folders opened, in order of name."""
    files: list[Path] = []
    mistakes: list[str] = []
    for path in paths:
        found = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not found:
            remedy = "put one TOML file per strategy there"
            mistakes.append(mistake(origin, "strategies", str(path), "holds no *.toml", remedy))
        elif not path.exists():
            remedy = "name an existing strategy file, or a folder of them"
            mistakes.append(mistake(origin, "strategies", str(path), "does not exist", remedy))
        else:
            files.extend(found)
    return list(dict.fromkeys(files)), mistakes


def read_strategies(
    files: Iterable[Path],
    kinds: Mapping[str, type[Strategy]],
    underlyings: Sequence[str],
    *,
    linear: bool = False,
) -> tuple[list[ConfiguredStrategy], list[str]]:
    """Build the strategy of every file, and list every mistake of all of them.

    `underlyings` are the coins whose boards are watched, with `linear` those in USDC as well.
    """
    strategies: list[ConfiguredStrategy] = []
    mistakes: list[str] = []
    owners: dict[str, Path] = {}
    for path in files:
        file, wrong = _read(path, kinds)
        mistakes.extend(wrong)
        if file is None:
            continue
        if file.name in owners:
            remedy = "give each strategy a name of its own"
            problem = f"is the name of {owners[file.name]} too"
            mistakes.append(mistake(str(path), "name", file.name, problem, remedy))
        owners.setdefault(file.name, path)
        strategy, wrong = _configure(path, file, kinds)
        mistakes.extend(wrong)
        if strategy is not None:
            strategies.append(strategy)
            coins = coins_of(strategy.strategy)
        else:
            coins = (file.underlying,)
        for coin in coins:
            if coin not in underlyings:
                problem, remedy = "is not watched", "add it to feed.underlyings"
                mistakes.append(mistake(str(path), "underlying", coin, problem, remedy))
        if strategy is not None:
            mistakes.extend(_unwatched(str(path), strategy.strategy, linear=linear))
    return strategies, mistakes


def _unwatched(origin: str, strategy: Strategy, *, linear: bool) -> list[str]:
    """Find what a strategy trades that is never watched, or of a coin that has none of it."""
    coins = coins_of(strategy)
    if reads_board(strategy) and strategy.underlying not in INVERSE_COINS:
        problem = f"{strategy.kind} trades options, of which those of this coin are not known"
        remedy = f"choose from {', '.join(INVERSE_COINS)}"
        return [mistake(origin, "underlying", strategy.underlying, problem, remedy)]
    if trades_linear(strategy) and not linear and set(coins) & set(INVERSE_COINS):
        problem = "trades what is settled in USDC, which is not watched"
        remedy = "set feed.linear = true"
        return [mistake(origin, "kind", strategy.kind, problem, remedy)]
    return []


def configuration_hash(kind: type[Strategy], underlying: str, parameters: object) -> str:
    """Hash what decides: kind, underlying, canonical parameters, and the source of its modules."""
    decided = {"kind": kind.kind, "parameters": parameters, "underlying": underlying}
    canonical = json.dumps(decided, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{canonical}\n{source_hash(kind)}".encode()).hexdigest()


def _read(path: Path, kinds: Mapping[str, type[Strategy]]) -> tuple[StrategyFile | None, list[str]]:
    """Read one file into its model; its kind is checked here, with all else in the file."""
    layer, wrong = file_layer(path)
    if layer is None:
        return None, wrong
    kind = layer.values.get("kind")
    if isinstance(kind, str) and kind not in kinds:
        problem, remedy = "unknown kind of strategy", nearest(kind, kinds)
        wrong.append(mistake(str(path), "kind", kind, problem, remedy))
    try:
        return StrategyFile.model_validate(layer.values, strict=True), wrong
    except ValidationError as error:
        return None, [*wrong, *mistakes_of(error, StrategyFile, lambda _: str(path))]


def _configure(
    path: Path, file: StrategyFile, kinds: Mapping[str, type[Strategy]]
) -> tuple[ConfiguredStrategy | None, list[str]]:
    """Give a file's parameters to its kind."""
    kind = kinds.get(file.kind)
    if kind is None:
        return None, []
    try:
        given = with_policy(kind, file.parameters, path.parent)
        parameters = {name: _frozen(value) for name, value in given.items()}
        settings = kind.Settings.model_validate(parameters, strict=True)
        configured = ConfiguredStrategy(
            strategy=kind(
                name=file.name,
                underlying=file.underlying,
                settings=settings,
                timetable=file.cadence.cadence(),
            ),
            file=file.model_copy(update={"parameters": given}),
            path=path,
            configuration_hash=configuration_hash(
                kind, file.underlying, settings.model_dump(mode="json")
            ),
        )
    except ValidationError as error:
        lines = mistakes_of(error, kind.Settings, lambda _: f"{path}: [parameters]")
        return None, lines
    except ConfigurationError as error:
        return None, list(error.mistakes)
    named = file.parameters.get("policy")
    wrong = policy_mistakes(f"{path}: [parameters]", configured.strategy, named)
    if asked_policy(settings) is not None and file.initial_stage != "RESEARCH":
        problem = "who asks a fitted policy has proven nothing yet"
        remedy = 'set it to "RESEARCH"; trader promote raises it'
        wrong.append(mistake(str(path), "initial_stage", file.initial_stage, problem, remedy))
    return configured, wrong


def _frozen(value: object) -> object:
    """Turn lists into tuples, as frozen parameters hold them."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
