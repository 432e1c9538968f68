"""Is every value in force shown with its origin, and no secret at all?"""

from __future__ import annotations

from pathlib import Path

from tests.app.running import STRATEGY, write_configuration
from tests.strategies.policies import policy
from trader.app.config_reference import known_keys
from trader.app.config_show import effective_values, masked
from trader.app.configuration import load_configuration
from trader.strategies.fitted_policy import policy_json


def test_every_known_key_is_shown_once(tmp_path: Path) -> None:
    """Nothing of the settings is left out; a table shows its entries instead."""
    configuration = load_configuration([write_configuration(tmp_path)], (), {})
    shown = [value.key for value in effective_values(configuration)]
    assert len(shown) == len(set(shown))
    for key in known_keys():
        assert key.name in shown or any(one.startswith(f"{key.name}.") for one in shown)


def test_parameters_are_traced_to_the_strategys_file(tmp_path: Path) -> None:
    """What the file writes comes from the file, what it does not is a default."""
    path = write_configuration(tmp_path)
    values = {
        value.key: (value.shown, value.origin)
        for value in effective_values(load_configuration([path], (), {}))
    }
    file = str(tmp_path / "strategies" / "covered_call_btc.toml")
    assert values["covered_call_btc.cadence.hours"] == ("24", file)
    assert values["covered_call_btc.cadence.manage_minutes"] == ("5", "default")
    assert values["covered_call_btc.enabled"] == ("true", "default")
    assert values["covered_call_btc.parameters.take_profit"] == ("0.8", "default")


def test_the_password_of_a_url_is_masked() -> None:
    """A database URL shows user and host, never the password."""
    assert masked("postgresql://ana:pass@word@host/db") != "postgresql://ana:pass@word@host/db"
    assert "pass" not in masked("postgresql://ana:pass@host/db")
    assert masked("wss://host/ws") == '"wss://host/ws"'
    assert masked(3) == "3"


def test_a_policy_is_shown_by_its_content(tmp_path: Path) -> None:
    """One line, from the strategy's file; its numbers are in a file of their own."""
    path = write_configuration(tmp_path)
    file = tmp_path / "strategies" / "asking.toml"
    (file.parent / "policy.json").write_text(policy_json(policy()))
    file.write_text(STRATEGY.format(name="asking") + '[parameters]\npolicy = "policy.json"\n')
    values = {one.key: one for one in effective_values(load_configuration([path], (), {}))}
    shown = values["asking.parameters.policy"]
    assert (shown.shown, shown.origin) == (f'"sha256:{policy().digest}"', str(file))
    assert not any(key.startswith("asking.parameters.policy.") for key in values)
