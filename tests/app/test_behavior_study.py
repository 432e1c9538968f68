"""Do files become profiles, with sizes as fractions and every caveat of the file told?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.behavior.people import of_type, planted
from trader.app.behavior_study import (
    Studied,
    TooFew,
    as_json,
    fit_files,
    profile_file,
    read_fitted,
    write_fitted,
    write_page,
)
from trader.behavior.trades import Trade, instant
from trader.domain.errors import ConfigurationError
from trader.domain.units import iso
from trader.storage.trade_files import Reading

EQUITY = 100_000.0
HOLDER = Reading(columns={"trader": "who"})


def written(path: Path, trades: dict[str, list[Trade]]) -> Path:
    """Write trades as a broker would: notional sizes, times of both ends."""
    rows = [
        f"{name},BTCUSDT,buy,{iso(one.closed_at - round(one.holding_minutes * 6e10))},"
        f"{iso(one.closed_at)},{one.size * EQUITY},{one.pnl * EQUITY}"
        for name, ones in trades.items()
        for one in ones
        if one.closed_at is not None
    ]
    head = "who,symbol,side,opened_at,closed_at,notional,pnl"
    path.write_text("\n".join((head, *rows)), encoding="utf-8")
    return path


def studied(path: Path, how: Reading | None = None, **more: Any) -> Studied:
    """Expect a study."""
    found = profile_file(path, how or Reading(), **more)
    assert isinstance(found, Studied), found
    return found


def test_a_file_becomes_a_profile(tmp_path: Path) -> None:
    """Sizes become fractions of what the account held, nothing is missing, nothing is warned of."""
    path = written(tmp_path / "me.csv", {"me": planted("revenge", np.random.default_rng(1))})
    done = studied(path, equity=EQUITY)
    assert (done.whose, done.notes) == ("me", ())
    assert done.study.features["avg_position_size"] == pytest.approx(0.07, abs=0.02)
    assert done.study.habits == ("REVENGE_TRADING",)
    assert done.study.balances[-1] == pytest.approx(
        EQUITY + sum(one.pnl for one in done.study.trades)
    )
    assert "pnl from 'pnl'" in done.told[0]


def test_without_equity_sizes_name_no_type(tmp_path: Path) -> None:
    """They are compared with each other; drawdowns cannot be told; both are said."""
    path = written(tmp_path / "me.csv", {"me": planted("revenge", np.random.default_rng(1))})
    done = studied(path)
    assert done.study.profile is None
    assert done.study.habits == ("REVENGE_TRADING",)
    assert [one.split(" ")[0] for one in done.notes] == ["Sizes", "No"]
    assert "--equity AMOUNT" in done.notes[0]


def test_a_ledger_of_fills_says_what_it_cannot_tell(tmp_path: Path) -> None:
    """Fills within a minute are one trade; no sizes, sides, openings; sums of days are noticed."""
    path = tmp_path / "ledger.csv"
    rows = [
        f"2024-05-{day:02d}T12:00:{second:02d}Z,X,{1 if day % 2 else -1},{10 + day}"
        for day in range(1, 29)
        for second in (0, 30)
    ]
    path.write_text("\n".join(("ts,symbol,pnl,balance", *rows)), encoding="utf-8")
    done = studied(path)
    assert len(done.study.trades) == 28
    assert done.study.balances[0] == 11.0
    told = " ".join(done.notes)
    for word in (
        "56 fills", "28 are looked at", "sums of a day", "No sizes", "No sides", "No opening times"
    ):  # fmt: skip
        assert word in told
    half = studied(path, span=(None, instant("2024-05-22T00:00:00Z")))
    assert len(half.study.trades) == 21


def test_too_few_trades_are_not_enough(tmp_path: Path) -> None:
    """Nineteen, or none in the span or the file: a reason, no study."""
    few = {"me": of_type(1, np.random.default_rng(2), 19)}
    path = written(tmp_path / "few.csv", few)
    found = profile_file(path, Reading())
    assert isinstance(found, TooFew)
    assert "not enough: 19 closed trades, a profile needs at least 20" in found.reason
    (tmp_path / "none.csv").write_text("time,pnl\n")
    found = profile_file(tmp_path / "none.csv", Reading())
    assert isinstance(found, TooFew)
    found = profile_file(path, Reading(), span=(instant("2030-01-01T00:00:00Z"), None))
    assert isinstance(found, TooFew)


def test_impossible_questions_are_refused(tmp_path: Path) -> None:
    """Equity that is none, and several traders where one is asked for."""
    people = {name: of_type(1, np.random.default_rng(2), 20) for name in ("a", "b")}
    path = written(tmp_path / "both.csv", people)
    with pytest.raises(ConfigurationError, match=r"holds 2 traders \(a, b\)"):
        profile_file(path, HOLDER)
    for equity in (0.0, float("nan"), float("inf")):
        with pytest.raises(ConfigurationError, match="--equity"):
            profile_file(path, Reading(), equity=equity)


def test_many_traders_are_fitted_and_asked(tmp_path: Path) -> None:
    """Groups of a crowd are written, read, and tell the type of the next trader."""
    rng = np.random.default_rng(3)
    people = {f"{kind}-{one}": of_type(kind, rng, 30) for kind in range(5) for one in range(8)}
    people["beginner"] = of_type(1, rng, 5)
    path = written(tmp_path / "all.csv", people)
    fitted, left_out = fit_files([path], HOLDER, EQUITY, 5)
    assert not isinstance(fitted, TooFew), fitted
    assert left_out == ["beginner: 5 trades, 20 are needed"]
    write_fitted(tmp_path / "profiles.json", fitted)
    again = read_fitted(tmp_path / "profiles.json")
    assert again == fitted
    alone = written(tmp_path / "me.csv", {"me": of_type(4, rng, 30)})
    profile = studied(alone, equity=EQUITY, fitted=again).study.profile
    assert profile is not None
    assert (profile["type_name"], profile["method"]) == ("Swing Trader", "clusters")


def test_no_groups_have_reasons(tmp_path: Path) -> None:
    """Too few traders, none at all, sizes of nothing known, a number of groups that cannot be."""
    path = written(tmp_path / "me.csv", {"me": of_type(4, np.random.default_rng(1), 30)})
    found, _ = fit_files([path], Reading(), EQUITY, 5)
    assert isinstance(found, TooFew)
    assert "1 traders are too few" in found.reason
    found, left_out = fit_files([path], Reading(), None, 5)
    assert isinstance(found, TooFew)
    assert left_out == ["me: sizes of equity or holding times are not known"]
    with pytest.raises(ConfigurationError, match="--groups: n_clusters is 9"):
        fit_files([path], Reading(), EQUITY, 9)


def test_a_file_of_no_profiles_is_refused(tmp_path: Path) -> None:
    """Missing, or something else: named with the remedy."""
    with pytest.raises(ConfigurationError, match="name profiles of trader behavior fit"):
        read_fitted(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=r"other.json: no trader_profiles"):
        read_fitted(tmp_path / "other.json")


def test_page_and_json_tell_the_same(tmp_path: Path) -> None:
    """The page is whole and fetches nothing; JSON holds no NaN."""
    path = written(tmp_path / "me.csv", {"me": planted("escalator", np.random.default_rng(1))})
    done = studied(path)
    write_page(tmp_path / "me.html", done)
    page = (tmp_path / "me.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"(src|href)=\"?http", page)
    told = json.loads(json.dumps(as_json(done), allow_nan=False))
    assert (told["trader"], told["trades"], told["habits"]) == ("me", 80, ["RISK_ESCALATION"])
    assert told["alerts"]["RISK_ESCALATION"] > 10


@pytest.mark.real_data
def test_a_real_ledger_is_read_with_its_caveats(real_data: Path) -> None:
    """A year of fills: pace, streaks and drawdown in line with what is known of it, no type."""
    path = real_data / "behaviour/bitmex_trader_wallet_events_2020-05_2025-05.csv.gz"
    done = studied(path, span=(instant("2024-05-01T00:00:00Z"), None))
    features = done.study.features
    assert 0.29 < features["win_rate"] < 0.34
    assert 3_000 < features["trade_count"] < 3_200
    assert 7 < features["trade_frequency"] < 9
    assert features["max_drawdown"] == pytest.approx(5.85, abs=0.05)
    assert done.study.patterns["loss_clustering_p"] < 1e-6
    assert done.study.profile is None
    told = " ".join(done.notes)
    assert "No sides" in told
    assert "No sizes" in told
    whole = studied(path)
    assert "62% of the trades close at 12:00 UTC" in " ".join(whole.notes)
