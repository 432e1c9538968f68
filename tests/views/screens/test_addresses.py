"""Can any name stand in an address, and be read back from it?"""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit

import hypothesis.strategies as st
from hypothesis import given

from trader.views.screens import addresses

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(NAMES)
def test_a_name_is_one_part_of_a_path_and_reads_back(name: str) -> None:
    """No slash, question mark or anchor of a name ends its part."""
    for page in (
        addresses.strategy_page, addresses.chain_page, addresses.verdict_page, addresses.night_page,
    ):  # fmt: skip
        parts = urlsplit(page(name))
        assert not parts.query
        assert not parts.fragment
        assert unquote(parts.path.split("/")[2]) == name
        assert len(parts.path.split("/")) == 3


@given(NAMES, NAMES)
def test_a_query_reads_back(strategy: str, rule: str) -> None:
    """What is asked is found again, and nothing else."""
    query = urlsplit(addresses.asking("/verdicts", strategy=strategy, rule=rule)).query
    assert parse_qs(query, keep_blank_values=True) == {"strategy": [strategy], "rule": [rule]}


def test_cells_name_what_they_lead_to() -> None:
    """A cell shows the name as it is; an anchor leads into the page."""
    for cell in (addresses.strategy_cell, addresses.chain_cell, addresses.verdict_cell):
        made = cell("a b")
        assert made.text == "a b"
        assert made.href.endswith("/a%20b")
    assert addresses.strategy_page("x", "stages") == "/strategies/x#stages"
    assert addresses.asking("/verdicts") == "/verdicts"
