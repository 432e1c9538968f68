"""Which layer wins, and is every value traced to who set it?"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_settings import TomlConfigSettingsSource

from trader.app.layers import (
    Assigned,
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
    """Stack trees as assignments named 0, 1, ..."""
    return Layers([], [Layer(str(number), HERE, tree) for number, tree in enumerate(trees)])


def two_files(folder: Path) -> list[Path]:
    """Write a configuration and another that changes one key deep in it."""
    first, second = folder / "first.toml", folder / "second.toml"
    first.write_text(
        '[feed]\nsource = "deribit"\n[feed.client]\ngap_s = 3.0\nqueue_max = 900\n',
        encoding="utf-8",
    )
    second.write_text("[feed.client]\ngap_s = 4.0\n", encoding="utf-8")
    return [first, second]


def layers_of(files: list[Path]) -> Layers:
    """Stack files that can be read."""
    read = [file_layer(path)[0] for path in files]
    return Layers([layer for layer in read if layer is not None])


def test_a_list_of_toml_files_merges_deeply(tmp_path: Path) -> None:
    """trap: pydantic-settings merges a list of TOML files shallowly without `deep_merge`."""
    files = two_files(tmp_path)
    feed = Settings.of(layers_of(files)).feed
    assert (feed.source, feed.client.gap_s, feed.client.queue_max) == ("deribit", 4.0, 900)
    shallow = TomlConfigSettingsSource(Settings, toml_file=files)()
    assert shallow == {"feed": {"client": {"gap_s": 4.0}}}, "the trap is gone: say so in layers"


def test_every_value_is_traced_to_who_wrote_it(tmp_path: Path) -> None:
    """Of two files that name a key, the later one set it."""
    first, second = files = two_files(tmp_path)
    layers = layers_of(files)
    assert layers.origin("feed.client.gap_s") == str(second)
    assert layers.origin("feed.client.queue_max") == str(first)
    assert layers.origin("feed.source") == str(first)


@given(TREES, TREES)
def test_a_layer_over_another_is_wholly_in_force(below: Tree, above: Tree) -> None:
    """Whatever lies below, every value of the last layer is the written one and is traced to it."""
    layers = sum_of(below, above)

    def check(tree: Tree, prefix: str) -> None:
        for name, value in tree.items():
            key = f"{prefix}{name}"
            assert (layers.written(key), layers.setter(key)) == (value, "1")
            if isinstance(value, dict):
                check(value, f"{key}.")

    check(above, "")


def test_assignments_override_files_and_each_other(tmp_path: Path) -> None:
    """The environment weighs more than a file, the command line more than both."""
    variables = environment_layers(
        {"TRADER_FEED__CLIENT__GAP_S": "5", "TRADER_FEED__SOURCE": "deribit-test"}, Settings
    )
    overrides, _ = command_line_layers(["feed.client.gap_s=6", "feed.client.gap_s=7"])
    files = [layer for path in two_files(tmp_path) if (layer := file_layer(path)[0])]
    feed = Settings.of(Layers(files, [*variables, *overrides])).feed
    assert (feed.source, feed.client.gap_s, feed.client.queue_max) == ("deribit-test", 7.0, 900)


def test_an_assigned_value_is_asked_for_by_field_too() -> None:
    """The library's own way to ask a source gives the same value as the whole."""
    source = Assigned(Settings, {"stage_floor": "PILOT"})
    field = Settings.model_fields["stage_floor"]
    assert source.get_field_value(field, "stage_floor") == ("PILOT", "stage_floor", False)
    assert source() == {"stage_floor": "PILOT"}


def test_lists_replace_lists_and_are_frozen() -> None:
    """A later list is not appended to an earlier one; settings hold tuples."""
    layers = sum_of({"strategies": ["a", "b"]}, {"strategies": ["c"]})
    assert Settings.of(layers).strategies == ("c",)


def test_keys_are_written_as_they_are_known() -> None:
    """Another case is an unknown key, not the same one: nothing is dropped in silence."""
    with pytest.raises(ValidationError, match="Feed"):
        Settings.of(sum_of({"feed": {"source": "deribit"}}, {"Feed": {"source": "simulated"}}))


@pytest.mark.parametrize(
    "values",
    [
        {"broker": {"latency_ms": True}},
        {"broker": {"latency_ms": 200.0}},
        {"risk": {"max_risk_per_trade": "0.01"}},
        {"engine": {"sweep_s": "60"}},
        {"feed": {"client": {"heartbeat_s": "10"}}},
        {"log": {"file": 1}},
        {"strategies": [3]},
    ],
    ids=str,
)
def test_values_are_taken_strictly(values: Tree) -> None:
    """`true` is no number, a text no number, a number no text: in sections of every package."""
    with pytest.raises(ValidationError, match="Input should be a valid"):
        Settings.of(sum_of(values))


def test_the_origin_of_an_unset_key_is_the_table_around_it() -> None:
    """A mistake about a missing key points to the file that has the table."""
    layers = sum_of({"feed": {"source": "deribit"}})
    assert layers.origin("feed.url") == "0"
    assert layers.setter("feed.url") == "default"
    assert layers.origin("risk.enabled") == "default"


def test_relative_paths_belong_to_the_file_that_names_them(tmp_path: Path) -> None:
    """A path of one file is not looked up beside another."""
    first, second = tmp_path / "a", tmp_path / "b"
    layers = Layers([Layer("a", first, {"x": "1", "y": "1"}), Layer("b", second, {"y": "2"})])
    assert layers.folder("z") == Path.cwd()
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
    assert {layer.origin: layer.values for layer in layers} == {
        "environment TRADER_ACCOUNT__BALANCES__BTC": {"account": {"balances": {"BTC": 5}}},
        "environment TRADER_FEED__CLIENT__GAP_S": {"feed": {"client": {"gap_s": 4.5}}},
    }


def test_assignments_need_a_key_and_an_equals_sign() -> None:
    """What is no assignment is a mistake each; the good ones still count."""
    layers, mistakes = command_line_layers(["a.b=1", "nothing", "=1", "a..b=1"])
    assert [layer.values for layer in layers] == [{"a": {"b": 1}}]
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


def test_a_pipe_is_no_configuration(tmp_path: Path) -> None:
    """What can be read only once would be skipped in silence: it is a mistake instead."""
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a = 1\n",))
    writer.start()
    assert file_layer(pipe) == (None, [f"{pipe}: is no regular file; name a TOML file"])
    writer.join()
