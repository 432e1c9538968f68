"""What will the daemon run with? Paths, secrets and hashes resolved from the layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import STRATEGY, write_configuration
from trader.app.configuration import (
    Configuration,
    find_journal_url,
    find_state_dir,
    load_configuration,
    load_settings,
)
from trader.domain.errors import ConfigurationError


def load(path: Path, *assignments: str, **variables: str) -> Configuration:
    """Load one file with nothing but the variables given."""
    return load_configuration([path], assignments, variables)


def test_each_layer_overrides_the_one_below(tmp_path: Path) -> None:
    """default <- first file <- second file <- environment <- command line."""
    first = write_configuration(
        tmp_path, "[log]\nlevel = 'error'\nrotate_mb = 1.0\n[web]\nport = 1"
    )
    second = tmp_path / "second.toml"
    second.write_text("[web]\nport = 2\n", encoding="utf-8")
    variables = {"TRADER_LOG__ROTATE_MB": "3", "TRADER_LOG__ROTATE_FILES": "4"}
    configuration = load_configuration([first, second], ["log.rotate_files=5"], variables)
    log, web = configuration.settings.log, configuration.settings.web
    assert (log.file, log.level, web.port, log.rotate_mb, log.rotate_files) == (
        *(True, "error"),
        *(2, 3.0, 5),
    )


def test_paths_are_relative_to_the_file_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration means the same from any working directory."""
    path = write_configuration(tmp_path, '[journal]\nstate_dir = "../state"')
    monkeypatch.chdir("/")
    configuration = load(path)
    assert configuration.state_dir == tmp_path.parent / "state"
    assert configuration.journal_url == f"sqlite:///{tmp_path.parent}/state/journal.sqlite"
    assert configuration.socket_path == tmp_path.parent / "state" / "trader.sock"
    assert [one.path for one in configuration.strategies] == [
        tmp_path / "strategies" / "covered_call_btc.toml"
    ]
    assert find_state_dir([path], {}) == configuration.state_dir
    assert find_journal_url([path], {}) == configuration.journal_url


def test_state_goes_to_the_users_state_home_where_nothing_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$XDG_STATE_HOME/trader, else ~/.local/state/trader."""
    path = write_configuration(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", "/nowhere/xdg")
    assert load(path).state_dir == Path("/nowhere/xdg/trader")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/nowhere/ana")
    assert load(path).state_dir == Path("/nowhere/ana/.local/state/trader")


def test_a_journal_may_lie_elsewhere(tmp_path: Path) -> None:
    """A relative path in journal.url is relative to its file, as every path is."""
    path = write_configuration(tmp_path, '[journal]\nurl = "sqlite:///books/j.sqlite"')
    assert load(path).journal_url == f"sqlite:///{tmp_path}/books/j.sqlite"
    assert find_journal_url([path], {}) == f"sqlite:///{tmp_path}/books/j.sqlite"


def test_a_secret_is_read_and_never_shown(tmp_path: Path) -> None:
    """Paths are relative to the file that names them; no repr prints what lies there."""
    (tmp_path / "token").write_text("s3cret-of-16-letters\n", encoding="utf-8")
    configuration = load(write_configuration(tmp_path, '[web]\ntoken_file = "token"'))
    assert configuration.web_paths.token_file == tmp_path / "token"
    assert "s3cret" not in repr(configuration)


def test_naming_a_balance_replaces_the_default_account(tmp_path: Path) -> None:
    """An account of one bitcoin holds no ether by default."""
    path = write_configuration(tmp_path, "[account.balances]\nBTC = 1")
    assert load(path).settings.account.balances == {"BTC": 1.0}


def test_a_disabled_strategy_is_checked_but_does_not_run(tmp_path: Path) -> None:
    """`enabled = false` keeps the file out of the running strategies."""
    path = write_configuration(tmp_path)
    text = "enabled = false\n" + STRATEGY.format(name="asleep")
    (tmp_path / "strategies" / "z.toml").write_text(text, encoding="utf-8")
    configuration = load(path)
    assert [one.file.name for one in configuration.strategies] == ["covered_call_btc"]
    assert [one.file.name for one in configuration.disabled] == ["asleep"]


def test_a_family_that_nobody_knows_is_a_mistake(tmp_path: Path) -> None:
    """A typo in the selector's lists would bar a family in silence; what exists is accepted."""
    wrong = write_configuration(tmp_path, '[engine.selector]\ncalm = ["neutrl", "neutral"]')
    with pytest.raises(ConfigurationError) as caught:
        load(wrong)
    (line,) = caught.value.mistakes
    assert "engine.selector.calm" in line
    assert "neutrl" in line
    assert "did you mean neutral" in line.replace("'", "").replace('"', "")
    right = write_configuration(tmp_path, '[engine.selector]\nenabled = true\ncalm = ["*"]')
    assert load(right).settings.engine.selector.calm == ("*",)


def test_the_hash_follows_trading_and_not_its_surroundings(tmp_path: Path) -> None:
    """A limit changes the hash that an epoch records; a log level or a port does not."""
    path = write_configuration(tmp_path)
    base = load(path).hash
    assert load(path, "log.level=debug", "web.port=0").hash == base
    assert load(path, "risk.max_risk_per_trade=0.005").hash != base
    assert load(path, "account.balances={BTC = 1.0}").hash != base


def test_commands_that_only_look_need_no_strategies(tmp_path: Path) -> None:
    """`status` and `verify` work where a strategy file is broken; a broken file itself does not."""
    path = write_configuration(tmp_path, "[risk]\nmax_risk_per_trade = 0.02")
    (tmp_path / "strategies" / "covered_call_btc.toml").write_text("?", encoding="utf-8")
    assert load_settings([path], {}).risk.max_risk_per_trade == 0.02
    path.write_text("?", encoding="utf-8")
    for look in (load_settings, find_state_dir, find_journal_url):
        with pytest.raises(ConfigurationError, match="invalid TOML"):
            look([path], {})


def test_a_single_strategy_may_be_named_without_a_list(tmp_path: Path) -> None:
    """`strategies = "file.toml"` means the list of that one file."""
    path = write_configuration(tmp_path, 'strategies = "strategies/covered_call_btc.toml"')
    assert len(load(path).strategies) == 1


def test_the_key_of_the_exchange_is_read_and_never_shown(tmp_path: Path) -> None:
    """Client id and secret come from a file; no text of the configuration holds the secret."""
    (tmp_path / "key").write_text("demo  demo-secret\n")
    configuration = load(write_configuration(tmp_path, '[feed]\ncredentials_file = "key"'))
    assert configuration.feed_credentials is not None
    assert configuration.feed_credentials.client_id == "demo"
    assert configuration.feed_credentials.client_secret == "demo-secret"
    assert "demo-secret" not in repr(configuration)
    assert "demo-secret" not in configuration.settings.model_dump_json()


@pytest.mark.parametrize(
    ("content", "feed", "problem"),
    [
        ("only-one", "", "1 words where a client id and a client secret are asked for"),
        ("a b c", "", "3 words"),
        ("demo demo-secret", 'source = "ws://192.0.2.1/ws/api/v2"', "unencrypted"),
    ],
)
def test_a_key_that_is_none_or_would_be_overheard_is_a_mistake(
    tmp_path: Path, content: str, feed: str, problem: str
) -> None:
    """The file must hold both words, and the secret leaves the machine encrypted only."""
    (tmp_path / "key").write_text(content)
    path = write_configuration(tmp_path, f'[feed]\ncredentials_file = "key"\n{feed}')
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert problem in str(raised.value)
    assert "demo-secret" not in str(raised.value)
