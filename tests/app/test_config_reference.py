"""Do README and `.env.example` say what the settings say?"""

from __future__ import annotations

import re
import tomllib

from tests.app.running import ROOT
from trader.app.config_reference import as_toml, environment_example, known_keys, reference_table
from trader.app.configuration import load_settings
from trader.app.settings import Settings


def test_readme_holds_exactly_this_table() -> None:
    """README's table between its markers is what `trader config keys` prints."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    between = re.search(
        r"<!-- configuration:begin -->\n(.*?)\n<!-- configuration:end -->", text, re.DOTALL
    )
    assert between is not None, "README has lost the markers of its configuration table"
    assert between.group(1).strip() == reference_table()


def test_the_environment_example_is_exactly_this_one() -> None:
    """`.env.example` is what `trader config keys --environment` prints."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text.rstrip("\n") == environment_example()


def test_every_variable_of_the_example_is_read_as_its_default() -> None:
    """With every line of the example set, the settings are the defaults: no line is wrong."""
    variables = dict(
        re.findall(r"^# (TRADER_\w+)=(?:'(.*)')?$", environment_example(), re.MULTILINE)
    )
    assert len(variables) == len(known_keys())
    assert load_settings([], variables) == Settings()


def test_every_key_says_what_it_is_for() -> None:
    """No key without a description, none twice."""
    keys = known_keys()
    assert all(key.description for key in keys)
    assert len({key.name for key in keys}) == len(keys)


def test_defaults_are_written_as_toml() -> None:
    """What the table shows as a default can be pasted into a file."""
    for key in known_keys():
        if key.default:
            assert as_toml(tomllib.loads(f"x = {key.default}")["x"]) == key.default
