"""Which layer wins, and is every value traced to who set it?"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.app.layers import (
    Layer,
    Layers,
    Tree,
    command_line_layers,
    environment_layers,
    file_layer,
    parsed,
)
from trader.app.settings import Settings

HERE = Path("/nowhere")
KEYS = st.sampled_from(["a", "b", "c"])
TREES = st.recursive(
    st.dictionaries(KEYS, st.integers(), max_size=3),
    lambda inner: st.dictionaries(KEYS, st.one_of(st.integers(), inner), max_size=3),
    max_leaves=8,
)


def sum_of(*trees: Tree) -> Layers:
    """Stack trees as layers named 0, 1, ..."""
    return Layers([Layer(str(number), HERE, tree) for number, tree in enumerate(trees)])


def test_tables_merge_at_every_depth() -> None:
    """trap: a list of TOML files merges shallowly. A later file keeps what it does not name."""
    layers = sum_of(
        {"feed": {"source": "deribit", "client": {"gap_s": 3, "queue_max": 9}}},
        {"feed": {"client": {"gap_s": 4}}},
    )
    assert layers.values == {"feed": {"source": "deribit", "client": {"gap_s": 4, "queue_max": 9}}}
    assert layers.origin("feed.client.gap_s") == "1"
    assert layers.origin("feed.client.queue_max") == "0"


@given(TREES, TREES)
def test_a_layer_over_another_is_wholly_in_force(below: Tree, above: Tree) -> None:
    """Whatever lies below, every value of the last layer is there and is traced to it."""
    layers = sum_of(below, above)

    def check(tree: Tree, place: object, prefix: str) -> None:
        assert isinstance(place, dict)
        for name, value in tree.items():
            if isinstance(value, dict):
                check(value, place[name], f"{prefix}{name}.")
            else:
                assert place[name] == value
                assert layers.setter(f"{prefix}{name}") == "1"

    check(above, layers.values, "")


def test_lists_replace_lists_and_are_frozen() -> None:
    """A later list is not appended to an earlier one; settings hold tuples."""
    layers = sum_of({"x": [1, 2, [3]]}, {"x": [4, [5]]})
    assert layers.values == {"x": (4, (5,))}


def test_the_origin_of_an_unset_key_is_the_table_around_it() -> None:
    """A mistake about a missing key points to the file that began the table."""
    layers = sum_of({"feed": {"source": "deribit"}})
    assert layers.origin("feed.url") == "0"
    assert layers.setter("feed.url") == "default"
    assert layers.origin("risk.enabled") == "default"


def test_relative_paths_belong_to_the_file_that_names_them(tmp_path: Path) -> None:
    """A path of one file is not looked up beside another."""
    first, second = tmp_path / "a", tmp_path / "b"
    layers = Layers([Layer("a", first, {"x": "1", "y": "1"}), Layer("b", second, {"y": "2"})])
    assert (layers.folder("x"), layers.folder("y")) == (first, second)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("true", True),
        ('["BTC"]', ["BTC"]),
        ("{BTC = 1.5}", {"BTC": 1.5}),
        ('"quoted"', "quoted"),
        ("plain", "plain"),
        ("ws://127.0.0.1:1/x", "ws://127.0.0.1:1/x"),
        ("2026-06-01", "2026-06-01"),
        ("08:00:00", "08:00:00"),
        ("", ""),
        ("1\nrisk = 2", "1\nrisk = 2"),
    ],
)
def test_a_value_is_read_as_toml_and_else_as_text(text: str, value: object) -> None:
    """Numbers, lists and tables as in a file; what is no TOML value, or more than one, is text."""
    assert parsed(text) == value


def test_variables_spell_sections_in_lower_case_and_currencies_as_given() -> None:
    """TRADER_ACCOUNT__BALANCES__BTC reaches the key BTC of the table balances."""
    variables = {
        "TRADER_ACCOUNT__BALANCES__BTC": "5",
        "TRADER_FEED__CLIENT__GAP_S": "4.5",
        "TRADER_LOG__LEVEL": "",
        "TRADER_REAL_DATA": "/data",
        "HOME": "/root",
    }
    layers = environment_layers(variables, Settings)
    assert Layers(layers).values == {
        "account": {"balances": {"BTC": 5}},
        "feed": {"client": {"gap_s": 4.5}},
    }
    assert [layer.origin for layer in layers] == [
        "environment TRADER_ACCOUNT__BALANCES__BTC",
        "environment TRADER_FEED__CLIENT__GAP_S",
    ]


def test_assignments_need_a_key_and_an_equals_sign() -> None:
    """What is no assignment is a mistake each; the good ones still count."""
    layers, mistakes = command_line_layers(["a.b=1", "nothing", "=1", "a..b=1"])
    assert Layers(layers).values == {"a": {"b": 1}}
    assert len(mistakes) == 3


def test_a_file_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused with the remedy, and never raise."""
    path = tmp_path / "x.toml"
    path.write_bytes(b'name = "\xff\xfe"')
    assert file_layer(path) == (
        None,
        [f"{path}: not UTF-8 text (invalid start byte); save it as UTF-8"],
    )
    layer, (mistake,) = file_layer(tmp_path)
    assert layer is None
    assert "cannot be read: Is a directory" in mistake
