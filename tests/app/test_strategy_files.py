"""Do strategy files become strategies, and does a stage belong to what really decides?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import STRATEGY
from tests.strategies.policies import of_features
from trader.app.plugins import strategy_kinds
from trader.app.strategy_files import ConfiguredStrategy, find_files, read_strategies
from trader.evaluation.runs import Subject
from trader.strategies.fitted_policy import policy_json
from trader.strategies.strategy import coins_of

KINDS = strategy_kinds([])


def read(path: Path, text: str) -> ConfiguredStrategy:
    """Read one good strategy file."""
    path.write_text(text, encoding="utf-8")
    (strategy,), mistakes = read_strategies([path], KINDS, ["BTC", "ETH"])
    assert mistakes == []
    return strategy


def test_a_file_becomes_a_strategy_with_its_cadence_and_parameters(tmp_path: Path) -> None:
    """Name, underlying, cadence and parameters arrive; what is not named takes the default."""
    text = STRATEGY.format(name="calls") + "[parameters]\ntarget_delta = 0.3\n"
    configured = read(tmp_path / "a.toml", text)
    strategy = configured.strategy
    assert (strategy.name, strategy.kind, strategy.underlying) == ("calls", "covered_call", "BTC")
    assert strategy.cadence().every == 24 * 3_600_000_000_000
    assert strategy.settings.model_dump()["target_delta"] == 0.3
    assert configured.file.initial_stage == "RESEARCH"


def test_the_hash_follows_what_decides_and_nothing_else(tmp_path: Path) -> None:
    """A parameter or a coin makes another strategy; a remark, a name, a written default do not."""
    plain = STRATEGY.format(name="calls")
    base = read(tmp_path / "a.toml", plain).configuration_hash
    same = [
        f"# a remark\n{plain}",
        STRATEGY.format(name="other"),
        plain + "[parameters]\ntarget_delta = 0.25\n",
        plain.replace('"BTC"', '"BTC"\ninitial_stage = "PILOT"'),
    ]
    other = [
        plain + "[parameters]\ntarget_delta = 0.26\n",
        plain.replace('"BTC"', '"ETH"'),
    ]
    assert all(read(tmp_path / "a.toml", text).configuration_hash == base for text in same)
    assert all(read(tmp_path / "a.toml", text).configuration_hash != base for text in other)
    assert len(base) == 64


def test_folders_are_opened_in_order_of_name(tmp_path: Path) -> None:
    """A folder stands for its TOML files, sorted; a file named twice counts once."""
    for name in ("b.toml", "a.toml", "notes.md"):
        (tmp_path / name).write_text("", encoding="utf-8")
    files, mistakes = find_files("x", [tmp_path, tmp_path / "b.toml"])
    assert files == [tmp_path / "a.toml", tmp_path / "b.toml"]
    assert mistakes == []


@pytest.mark.parametrize(("name", "problem"), [("empty", "holds no *.toml"), ("gone", "does not")])
def test_a_place_without_strategies_is_a_mistake(tmp_path: Path, name: str, problem: str) -> None:
    """An empty folder or a missing file is named; nothing is silently run without."""
    (tmp_path / "empty").mkdir()
    files, (mistake,) = find_files("here", [tmp_path / name])
    assert files == []
    assert mistake.startswith("here: strategies = ")
    assert problem in mistake


def test_a_coin_that_is_not_watched_is_a_mistake(tmp_path: Path) -> None:
    """A strategy on ETH with a feed of BTC would wait forever."""
    path = tmp_path / "a.toml"
    text = STRATEGY.format(name="calls").replace('"BTC"', '"ETH"')
    path.write_text(text, encoding="utf-8")
    _, (mistake,) = read_strategies([path], KINDS, ["BTC"])
    assert 'underlying = "ETH": is not watched; add it to feed.underlyings' in mistake


ASKING = STRATEGY.format(name="calls") + '[parameters]\npolicy = "policy.json"\n'


def test_the_hash_follows_what_a_policy_holds(tmp_path: Path) -> None:
    """Another threshold is another strategy; another name of the file is not."""
    first, second = of_features("iv"), of_features("iv", threshold=0.01)
    path = tmp_path / "policy.json"
    path.write_text(policy_json(first))
    base = read(tmp_path / "a.toml", ASKING)
    assert getattr(base.strategy.settings, "policy", None) == first
    path.write_text(policy_json(second))
    other = read(tmp_path / "a.toml", ASKING)
    assert other.configuration_hash != base.configuration_hash
    (tmp_path / "again.json").write_text(policy_json(first))
    moved = read(tmp_path / "a.toml", ASKING.replace("policy.json", "again.json"))
    assert moved.configuration_hash == base.configuration_hash
    plain = read(tmp_path / "a.toml", STRATEGY.format(name="calls"))
    assert plain.configuration_hash != base.configuration_hash


def test_a_study_builds_the_strategy_with_its_policy(tmp_path: Path) -> None:
    """Also with other values for other parameters, wherever it runs."""
    (tmp_path / "policy.json").write_text(policy_json(of_features("iv")))
    one = read(tmp_path / "a.toml", ASKING)
    subject = Subject(
        kind=type(one.strategy), file=one.file, configuration_hash=one.configuration_hash
    )
    again = subject.strategy({"target_delta": 0.3})
    assert getattr(again.settings, "policy", None) == of_features("iv")


def test_a_policy_that_cannot_be_asked_is_a_mistake(tmp_path: Path) -> None:
    """No file; features the daemon cannot know, another coin, another stage: every one at once."""
    path, policy = tmp_path / "a.toml", tmp_path / "policy.json"
    path.write_text(ASKING)
    built, (mistake,) = read_strategies([path], KINDS, ["BTC"])
    assert built == []
    assert mistake.startswith(f"{policy} cannot be read")
    policy.write_text(policy_json(of_features("iv_rank", "dvol", underlying="ETH")))
    path.write_text(ASKING.replace('"BTC"', '"BTC"\ninitial_stage = "PILOT"'))
    _, mistakes = read_strategies([path], KINDS, ["BTC"])
    for mistake, said in zip(
        mistakes, ("learned on ETH", "looks at iv_rank", "looks at dvol", "RESEARCH"), strict=True
    ):
        assert said in mistake
        assert mistake.startswith(str(path))
    assert '[parameters]: policy = "policy.json": looks at iv_rank' in mistakes[1]
    assert 'initial_stage = "PILOT"' in mistakes[3]


def test_a_linear_strategy_needs_its_boards_watched(tmp_path: Path) -> None:
    """Without them it would wait for ever; the mistake names the key."""
    path = tmp_path / "a.toml"
    path.write_text(STRATEGY.format(name="wheel").replace("covered_call", "wheel"))
    _, (mistake,) = read_strategies([path], KINDS, ["BTC"])
    assert mistake == (
        f'{path}: kind = "wheel": trades what is settled in USDC, which is not watched; '
        "set feed.linear = true"
    )
    (configured,), mistakes = read_strategies([path], KINDS, ["BTC"], linear=True)
    assert (configured.strategy.kind, mistakes) == ("wheel", [])


TREND = """
name = "{name}"
kind = "trend_pullback"
underlying = "{coin}"
[cadence]
hours = 1
[parameters]
{parameters}
"""


LINEAR = """linear = true
others = ["BTC"]"""


def test_every_coin_of_a_portfolio_is_watched(tmp_path: Path) -> None:
    """Each is named by itself; those in coin need no `feed.linear`, unless it is asked of them."""
    path = tmp_path / "a.toml"
    path.write_text(TREND.format(name="a", coin="BTC", parameters='others = ["SOL", "XRP"]'))
    _, mistakes = read_strategies([path], KINDS, ["BTC", "SOL"])
    assert mistakes == [f'{path}: underlying = "XRP": is not watched; add it to feed.underlyings']
    (one,), mistakes = read_strategies([path], KINDS, ["BTC", "SOL", "XRP"])
    assert mistakes == []
    assert coins_of(one.strategy) == ("BTC", "SOL", "XRP")
    path.write_text(TREND.format(name="a", coin="SOL", parameters="linear = true"))
    assert read_strategies([path], KINDS, ["SOL"])[1] == []
    path.write_text(TREND.format(name="a", coin="SOL", parameters=LINEAR))
    _, (mistake,) = read_strategies([path], KINDS, ["SOL", "BTC"])
    assert mistake.endswith("which is not watched; set feed.linear = true")


def test_options_of_other_coins_are_refused(tmp_path: Path) -> None:
    """Nobody knows their terms: perpetuals alone are traded of them."""
    path = tmp_path / "a.toml"
    path.write_text(STRATEGY.format(name="a").replace('"BTC"', '"SOL"'))
    _, (mistake,) = read_strategies([path], KINDS, ["BTC", "SOL"])
    assert mistake == (
        f'{path}: underlying = "SOL": covered_call trades options, of which those of this coin are '
        "not known; choose from BTC, ETH"
    )
