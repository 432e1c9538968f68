"""Does the page say what each policy did, against holding, and what became of every time?"""

from __future__ import annotations

import functools
from xml.etree import ElementTree

from tests.backtest.calls import modelled, study
from trader.backtest.call_results import SimulationResult
from trader.backtest.covered_call import CoveredCallSimulator, policy_named
from trader.views.call_study import (
    advantage_figure,
    comparison,
    comparison_text,
    equity_figure,
    question,
    reason_lines,
    study_page,
)
from trader.views.report_html import page_html
from trader.views.text import percent, signed_usd, usd


@functools.cache
def results() -> dict[str, SimulationResult]:
    """Try five policies."""
    simulator = CoveredCallSimulator(modelled(), study())
    names = ("always", "trend:0", "trend:0.5", "iv_rank:0.5", "never")
    return {name: simulator.simulate_policy(policy_named(name)) for name in names}


def test_every_policy_and_holding_have_a_row() -> None:
    """Figures are the result's; holding has those of the coins alone."""
    rows = comparison(results())
    assert [one["policy"] for one in rows] == [*results(), "hold"]
    always, told = rows[0], results()["always"].metrics
    assert always["sold"] == str(len(results()["always"].trades)) != "0"
    assert always["against"] == signed_usd(told["final_equity"] - told["final_hodl"])
    assert always["drawdown"] == percent(told["max_drawdown_pct"] / 100)
    assert rows[-1]["end"] == rows[-2]["end"] == usd(told["final_hodl"])
    assert comparison({}) == []


def test_the_table_and_the_reasons_are_text() -> None:
    """One line a policy; counts of reasons and trades are all decision times."""
    lines = comparison_text(results()).splitlines()
    assert lines[0].split()[:3] == ["policy", "sold", "assigned"]
    assert len(lines) == 1 + len(results()) + 1 + 1
    assert lines[-1].startswith("Premium, assignment and fees are valued at the expiry")
    (first, *_) = reason_lines(results())
    always = results()["always"]
    assert first.startswith(f"always: {len(always.decisions)} decision times, ")
    assert f"{always.reasons['no_free_coins']} no_free_coins (calls already sold" in first


def test_figures_draw_policies_against_holding() -> None:
    """Holding dashed, up to three policies; well-formed, and a study without policies says so."""
    for figure in (equity_figure(results()), advantage_figure(results()), equity_figure({})):
        ElementTree.fromstring(figure)
    assert ">hold<" in equity_figure(results())
    assert ">always<" in equity_figure(results())
    assert ">always<" in advantage_figure(results())
    assert "nothing to draw" in equity_figure({})


def test_the_page_holds_it_all() -> None:
    """Question, provenance, table, figures, reasons; what is not drawn is named."""
    page = study_page(study(), results(), modelled().tape.provenance)
    text = page_html(page)
    assert question(study()) in text
    assert "option boards are modelled, not recorded" in text
    assert text.count("<svg") == 2
    assert "Not drawn: iv_rank:0.5." in text
    assert "2022-01-07 to 2022-02-08, every 5 x 1h: 7 days (+-3.6), delta 0.25" in text
