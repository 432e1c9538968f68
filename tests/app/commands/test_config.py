"""Is every configuration mistake one readable line? Through the real program, exit code and all."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.app.running import ROOT, STRATEGY, trader, within, write_configuration


class Mistake(NamedTuple):
    """What is written, and what the one line about it must say: key, value, remedy."""

    text: str
    says: tuple[str, ...]


MISTAKES = {
    "unknown key": Mistake(
        "[risk]\nmax_risk_per_trad = 0.01",
        ("risk.max_risk_per_trad = 0.01", "unknown key", "did you mean max_risk_per_trade?"),
    ),
    "wrong type": Mistake(
        '[broker]\nlatency_ms = "fast"',
        (
            'broker.latency_ms = "fast"',
            "must be a whole number",
            ">= 1 and <= 60000",
            "default 200",
        ),
    ),
    "negative limit": Mistake(
        "[risk]\nmax_risk_per_trade = -0.01",
        ("risk.max_risk_per_trade = -0.01", "must be above 0", "write a fraction, e.g. 0.01"),
    ),
    "limit above 100 %": Mistake(
        "[risk]\nmax_risk_per_underlying = 3",
        ("risk.max_risk_per_underlying = 3", "at most 1 (100 %)", "write a fraction"),
    ),
    "limit that is not a number": Mistake(
        "[risk]\ndrawdown_halt = nan",
        ("risk.drawdown_halt = nan", "must be above 0", "write a fraction"),
    ),
    "gate disabled": Mistake(
        "[risk]\nenabled = false",
        ("risk.enabled = false", "does not trade without its risk gate", "remove the key"),
    ),
    "bad URL": Mistake(
        '[feed]\nurl = "http://localhost:8765"',
        ('feed.url = "http://localhost:8765"', "is no websocket URL", "write ws://host:port/path"),
    ),
    "unknown feed": Mistake(
        '[feed]\nsource = "derbit"',
        ('feed.source = "derbit"', "is no feed", "choose one of simulated, deribit, deribit-test"),
    ),
    "negative balance": Mistake(
        "[account.balances]\nBTC = -20",
        ("account.balances.BTC = -20", "must be greater than 0", "correct it or remove it"),
    ),
    "unreadable secret": Mistake(
        '[web]\ntoken_file = "no-such-secret"',
        ('web.token_file = "no-such-secret"', "unreadable secret", "name a file this user may"),
    ),
    "stage floor on a real feed": Mistake(
        'stage_floor = "PILOT"\n[feed]\nsource = "deribit"',
        ('stage_floor = "PILOT"', "a floor on a real feed (deribit)", "remove it"),
    ),
    "missing strategy file": Mistake(
        'strategies = ["nowhere.toml"]',
        ("strategies = ", "nowhere.toml", "does not exist", "name an existing strategy file"),
    ),
}

FURTHER_MISTAKES = {
    "a universe without the coin of a strategy": Mistake(
        '[risk.universe]\nunderlyings = ["SOL"]',
        ("risk.universe.underlyings = ", "leaves out BTC, which covered_call_btc trades", "add"),
    ),
    "a universe without an expiry": Mistake(
        "[risk.universe]\nhours_min = 48\ndays_max = 1",
        ("risk.universe = ", "hours_min 48 must be below days_max 1", "no expiry lies between"),
    ),
    "sizes that grow": Mistake(
        "[risk.sizing.regime]\ncalm = 1.5",
        ("risk.sizing.regime.calm = 1.5", "at most 1", "default 1.0"),
    ),
    "a deeper fall that costs less": Mistake(
        "[risk.sizing]\ndrawdown_second_scalar = 0.9",
        ("risk.sizing = ", "a deeper fall leaves less"),
    ),
    "unknown section": Mistake(
        "[rsik]\nenabled = true", ("rsik = ", "unknown key", "did you mean risk?")
    ),
    "true is no number": Mistake(
        "[risk]\nmax_risk_per_trade = true",
        ("risk.max_risk_per_trade = true", "must be a number", "default 0.01"),
    ),
    "section that is a value": Mistake(
        'feed = "deribit"', ('feed = "deribit"', "must be a table", "correct the value")
    ),
    "no trade a day": Mistake(
        "[risk]\nmax_new_trades_per_day = 0",
        ("risk.max_new_trades_per_day = 0", "whole number from 1", "use `trader pause`"),
    ),
    "unknown coin": Mistake(
        '[feed]\nunderlyings = ["DOGE"]',
        ('feed.underlyings = ["DOGE"]', "unknown coin", "choose from BTC, ETH"),
    ),
    "infinite balance": Mistake(
        "[account.balances]\nETH = inf",
        ("account.balances.ETH = inf", "must be ", "correct it or remove it"),
    ),
    "unknown currency": Mistake(
        "[account.balances]\nDOGE = 5",
        ("account.balances = ", "unknown currency DOGE", "choose from BTC, ETH, USDC"),
    ),
    "unknown log level": Mistake(
        '[log]\nlevel = "inf"',
        ('log.level = "inf"', "choose one of debug, info, warning, error", "did you mean info?"),
    ),
    "web beyond loopback": Mistake(
        '[web]\nhost = "0.0.0.0"',
        (
            'web.host = "0.0.0.0"',
            "reachable by others",
            "name web.token_file and web.tls_certificate",
        ),
    ),
    "port out of range": Mistake(
        "[web]\nport = 70000", ("web.port = 70000", "at most 65535", "(default 9467)")
    ),
    "floor of another stage": Mistake(
        'stage_floor = "PRODUCTION"',
        ('stage_floor = "PRODUCTION"', "unknown value", "choose one of PILOT"),
    ),
    "journal elsewhere than in SQLite": Mistake(
        '[journal]\nurl = "mysql://host/db"',
        ('journal.url = "mysql://host/db"', "is no journal URL", "write sqlite:///path"),
    ),
    "state directory that is a file": Mistake(
        '[journal]\nstate_dir = "trader.toml"',
        ("journal.state_dir = ", "is a file", "name a folder"),
    ),
    "state directory too deep for a socket": Mistake(
        f'[journal]\nstate_dir = "{"d" * 120}"',
        ("journal.state_dir = ", "too long for a unix socket", "nearer to the root"),
    ),
}

STRATEGY_MISTAKES = {
    "unknown kind": Mistake(
        STRATEGY.format(name="x").replace("covered_call", "coverd_call"),
        ('kind = "coverd_call"', "unknown kind of strategy", "did you mean covered_call?"),
    ),
    "unknown stage": Mistake(
        'initial_stage = "LIVE"\n' + STRATEGY.format(name="x"),
        ('initial_stage = "LIVE"', "choose one of RESEARCH, PILOT, PRODUCTION"),
    ),
    "two strategies of one name": Mistake(
        STRATEGY.format(name="covered_call_btc"),
        ('name = "covered_call_btc"', "is the name of ", "give each strategy a name of its own"),
    ),
}

FURTHER_STRATEGY_MISTAKES = {
    "unknown parameter": Mistake(
        STRATEGY.format(name="x") + "[parameters]\ntarget_dleta = 0.3",
        ("target_dleta = 0.3", "unknown key", "did you mean target_delta?"),
    ),
    "impossible parameter": Mistake(
        STRATEGY.format(name="x") + "[parameters]\ntarget_delta = 25",
        ("target_delta = 25", "must be ", "(default 0.25)"),
    ),
    "parameter of a wrong type": Mistake(
        STRATEGY.format(name="x") + '[parameters]\ntarget_days = "week"',
        ('target_days = "week"', "must be a number", "(default 7"),
    ),
    "no cadence": Mistake(
        STRATEGY.format(name="x").partition("[")[0],
        ("cadence = ", "is missing", "correct the value"),
    ),
    "cadence that never comes": Mistake(
        STRATEGY.format(name="x").replace("24", "0"),
        ("cadence = ", "hours 0 and minutes 0", "give the time between decisions"),
    ),
    "invalid TOML": Mistake("name = ", ("invalid TOML", "at end of document", "correct that line")),
}


def assert_refused(
    run: subprocess.CompletedProcess[str], where: str, says: tuple[str, ...]
) -> None:
    """Exit 78; exactly one line, on stderr, that begins with its origin and says it all."""
    assert (run.returncode, run.stdout) == (78, ""), run.stderr
    (line,) = run.stderr.splitlines()
    assert line.startswith(where), line
    for part in says:
        assert part in line


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_with_key_value_and_remedy(tmp_path: Path, case: str) -> None:
    """The program refuses the file with exit 78 and names origin, key, value and remedy."""
    path = write_configuration(tmp_path, MISTAKES[case].text)
    assert_refused(trader("config", "check", "--config", path), str(path), MISTAKES[case].says)


@pytest.mark.parametrize("case", STRATEGY_MISTAKES)
def test_a_mistake_in_a_strategy_file_is_one_line_too(tmp_path: Path, case: str) -> None:
    """A wrong strategy file is named with its key, value and remedy; exit 78."""
    path = write_configuration(tmp_path)
    wrong = tmp_path / "strategies" / "wrong.toml"
    wrong.write_text(STRATEGY_MISTAKES[case].text, encoding="utf-8")
    run = trader("config", "check", "--config", path)
    assert_refused(run, str(wrong), STRATEGY_MISTAKES[case].says)


@pytest.mark.parametrize("case", FURTHER_MISTAKES)
def test_further_mistakes_read_the_same(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Less common mistakes are told in the same way (asked without a process of their own)."""
    path = write_configuration(tmp_path, FURTHER_MISTAKES[case].text)
    run = within("config", "check", "--config", path, capsys=capsys)
    assert_refused(run, str(path), FURTHER_MISTAKES[case].says)


@pytest.mark.parametrize("case", FURTHER_STRATEGY_MISTAKES)
def test_further_mistakes_in_a_strategy_file_read_the_same(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Less common mistakes of a strategy file are told in the same way."""
    path = write_configuration(tmp_path)
    wrong = tmp_path / "strategies" / "wrong.toml"
    wrong.write_text(FURTHER_STRATEGY_MISTAKES[case].text, encoding="utf-8")
    run = within("config", "check", "--config", path, capsys=capsys)
    assert_refused(run, str(wrong), FURTHER_STRATEGY_MISTAKES[case].says)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A configuration file that is not there is one line with the remedy; exit 78."""
    path = tmp_path / "absent.toml"
    run = trader("config", "check", "--config", path)
    assert run.returncode == 78
    assert run.stderr.splitlines()[0].startswith(f"{path}: cannot be read: No such file")
    assert "name an existing, readable TOML file" in run.stderr


def test_invalid_toml_names_file_and_place(tmp_path: Path) -> None:
    """A file that is no TOML is refused with line and column."""
    path = write_configuration(tmp_path, "[risk\nenabled = true")
    assert_refused(
        trader("config", "check", "--config", path),
        str(path),
        ("invalid TOML", "line 1", "correct that line"),
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_secret_without_permission_is_named(tmp_path: Path) -> None:
    """A secret this user may not read is a mistake of its own."""
    (tmp_path / "token").write_text("s3cret", encoding="utf-8")
    (tmp_path / "token").chmod(0)
    path = write_configuration(tmp_path, '[web]\ntoken_file = "token"')
    assert_refused(
        trader("config", "check", "--config", path),
        str(path),
        ('web.token_file = "token"', "unreadable secret (Permission denied)", "chmod 400"),
    )


def test_an_empty_secret_is_named(tmp_path: Path) -> None:
    """A secret file with nothing in it guards nothing and is refused."""
    (tmp_path / "token").write_text("\n", encoding="utf-8")
    path = write_configuration(tmp_path, '[web]\ntoken_file = "token"')
    assert_refused(
        trader("config", "check", "--config", path),
        str(path),
        ('web.token_file = "token"', "empty secret", "write one line of random text into it"),
    )


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("TRADER_SPEED", "300", ("speed = 300", "unknown key")),
        ("TRADER_FEED__SORCE", "deribit", ("feed.sorce", "did you mean source?")),
        ("TRADER_RISK__DAILY_LOSS_HALT", "5", ("risk.daily_loss_halt = 5", "write a fraction")),
        ("TRADER_ACCOUNT__BALANCES__BTC", "-1", ("account.balances.BTC = -1", "greater than 0")),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, variable: str, value: str, says: tuple[str, ...]
) -> None:
    """The line begins with the variable, so that it can be found."""
    path = write_configuration(tmp_path)
    run = trader("config", "check", "--config", path, environment={variable: value})
    assert_refused(run, f"environment {variable}: ", says)


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("risk.max_risk_per_trade=2", ("risk.max_risk_per_trade = 2", "write a fraction")),
        ("log.levle=debug", ("log.levle", "did you mean level?")),
        ("log.level", ("no assignment", "write --set section.key=value")),
    ],
)
def test_a_mistake_on_the_command_line_says_so(
    tmp_path: Path, assignment: str, says: tuple[str, ...]
) -> None:
    """What `--set` got wrong is blamed on the command line."""
    path = write_configuration(tmp_path)
    run = trader("config", "check", "--config", path, "--set", assignment)
    assert_refused(run, "command line", says)


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """One run names all mistakes of file, strategies, environment and command line."""
    text = '[risk]\nenabled = false\ndaily_loss_halt = -1\n[feed]\nurl = "x"'
    path = write_configuration(tmp_path, text)
    (tmp_path / "strategies" / "b.toml").write_text("name = 3\n", encoding="utf-8")
    run = trader(
        *("config", "check", "--config", path, "--set", "log.level=loud"),
        environment={"TRADER_WEB__PORT": "-1"},
    )
    assert (run.returncode, run.stdout) == (78, "")
    lines = run.stderr.splitlines()
    assert len(lines) == len(set(lines))
    for key in (
        "risk.enabled",
        "risk.daily_loss_halt",
        "feed.url",
        "log.level",
        "web.port",
        "name",
        "kind",
        "underlying",
        "cadence",
    ):
        assert sum(f": {key} = " in line for line in lines) == 1, key


def test_check_says_whether_each_strategy_can_ever_trade(tmp_path: Path) -> None:
    """A good configuration exits 0 with the equity one lot needs at every stage."""
    path = write_configuration(tmp_path, "[account.balances]\nBTC = 20")
    run = trader("config", "check", "--config", path, "--json")
    assert run.returncode == 0, run.stderr
    (need,) = json.loads(run.stdout)
    assert need["strategy"] == "covered_call_btc"
    assert [stage["stage"] for stage in need["stages"]] == ["RESEARCH", "PILOT", "PRODUCTION"]
    assert need["tradable"]
    text = trader("config", "check", "--config", path).stdout
    assert "covered_call_btc (covered_call): can trade" in text
    assert "assumed: BTC index 100,000 USD, iv 45%" in text


def test_an_account_too_small_is_told_so(tmp_path: Path) -> None:
    """A strategy that could never open one lot is pointed out before it is run for weeks."""
    path = write_configuration(tmp_path, "[account.balances]\nUSDC = 1000.0\nBTC = 0.05")
    run = trader("config", "check", "--config", path)
    assert run.returncode == 0
    assert "covered_call_btc (covered_call): CAN NEVER TRADE with this account" in run.stdout


def test_show_names_the_origin_of_each_value(tmp_path: Path) -> None:
    """Every value in force comes with default, file, variable or command line."""
    path = write_configuration(tmp_path, "[log]\nlevel = 'debug'\nrotate_files = 2")
    run = trader(
        *("config", "show", "--json", "--config", path, "--set", "log.rotate_files=3"),
        environment={"TRADER_WEB__PORT": "0", "TRADER_REAL_DATA": "ignored"},
    )
    assert run.returncode == 0, run.stderr
    values = {one["key"]: (one["shown"], one["origin"]) for one in json.loads(run.stdout)}
    assert values["log.level"] == ('"debug"', str(path))
    assert values["log.rotate_files"] == ("3", "command line --set")
    assert values["web.port"] == ("0", "environment TRADER_WEB__PORT")
    assert values["log.file"] == ("true", "default")
    assert values["covered_call_btc.parameters.target_delta"] == ("0.25", "default")


def test_show_never_prints_a_secret(tmp_path: Path) -> None:
    """The token's file is named, its content is not."""
    (tmp_path / "token").write_text("s3cret-token-of-ours", encoding="utf-8")
    path = write_configuration(tmp_path, '[web]\ntoken_file = "token"')
    run = trader("config", "show", "--config", path)
    assert run.returncode == 0
    assert "web.token_file" in run.stdout
    assert "s3cret-token-of-ours" not in run.stdout + run.stderr


@pytest.mark.parametrize(("name", "strategies"), [("trader.toml", 7), ("demo.toml", 4)])
def test_the_shipped_configurations_are_right_and_can_trade(name: str, strategies: int) -> None:
    """Both configurations of the repository pass, and every strategy of theirs can trade."""
    run = trader("config", "check", "--config", ROOT / "config" / name, "--json")
    assert run.returncode == 0, run.stderr
    needs = json.loads(run.stdout)
    assert len(needs) == strategies
    assert all(need["tradable"] for need in needs)


def test_keys_prints_the_reference() -> None:
    """`config keys` lists every key as README does, or as `.env.example` does."""
    assert "| `risk.max_risk_per_trade` |" in trader("config", "keys").stdout
    variables = trader("config", "keys", "--environment").stdout
    assert variables == (ROOT / ".env.example").read_text(encoding="utf-8")
