"""Who is asked for its regime, and who is not."""

from __future__ import annotations

import msgspec

from tests.engine.floor import Floor, wish
from tests.engine.modelled import calm_bars
from tests.risk.scenes import intent
from trader.domain.models import Observation
from trader.domain.trading import Approved, Refused
from trader.domain.units import HOUR, MINUTE
from trader.engine.engine import EngineSettings
from trader.engine.families import Families
from trader.strategies.directional import Directional
from trader.strategies.selector import SelectorSettings
from trader.strategies.strategy import Cadence

VERTICALS = Directional(
    name="directional_btc",
    underlying="BTC",
    settings=Directional.Settings(),  # type: ignore[arg-type]
    timetable=Cadence(HOUR, 0, 5 * MINUTE),
)
ON = SelectorSettings(enabled=True)


def calm(underlying: str) -> Observation:
    """See a calm market of any coin."""
    return Observation("Calm", f"{underlying} is quiet")


def test_an_opening_is_held_against_the_regime_of_its_coin() -> None:
    """By the kind of the strategy that wants it."""
    choice = Families([VERTICALS], ON).choice(intent(), calm)
    assert choice is not None
    assert not choice.allowed
    assert "BTC is quiet" in choice.explanation
    assert choice.explanation.endswith("directional is not among them")


def test_nothing_else_is() -> None:
    """Closes, rolls and hedges, strangers, and everybody while the selector is off."""
    families = Families([VERTICALS], ON)
    for action in ("close", "roll", "hedge", "add"):
        assert families.choice(intent(action), calm) is None
    stranger = msgspec.structs.replace(intent(), strategy="stranger")
    assert families.choice(stranger, calm) is None
    assert Families([VERTICALS], SelectorSettings()).choice(intent(), calm) is None


def test_the_engine_refuses_a_family_its_regime_does_not_let_open() -> None:
    """Two months of quiet hours: what is not listed for calm markets is refused and told why; what
    is listed opens, and its verdict says so. Without history every family may.
    """
    barred = Floor(settings=EngineSettings(selector=SelectorSettings(enabled=True, calm=())))
    (verdict,) = verdicts(barred)
    assert isinstance(verdict, Approved)
    assert verdict.selection.startswith("unknown market (")
    barred.send(calm_bars(barred.at))
    (verdict,) = verdicts(barred)
    assert isinstance(verdict, Refused)
    assert verdict.rule == "regime"
    assert verdict.selection.startswith("Calm market (volatility of 7 days")
    assert verdict.explanation.endswith("lets open no family; scripted is not among them")
    listed = Floor(settings=EngineSettings(selector=SelectorSettings(enabled=True, calm=("*",))))
    listed.send(calm_bars(listed.at))
    (verdict,) = verdicts(listed)
    assert isinstance(verdict, Approved)
    assert verdict.selection.endswith("lets open every family; scripted is among them")
    assert barred.audit() == listed.audit() == ()


def verdicts(floor: Floor) -> list[Approved | Refused]:
    """Wish for a trade, and tell what the gate says."""
    facts = floor.ask(wish()).facts
    return [one for one in facts if isinstance(one, Approved | Refused)]
