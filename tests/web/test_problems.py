"""Does every no name field, value and remedy?"""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from tests.web.furnished import furnished
from trader.views.answers.verdicts import VerdictsQuestion
from trader.web.problems import Refused, understood, words
from trader.web.server import serve


async def refused(path: str, method: str = "GET") -> tuple[int, Any, Any]:
    """Ask what will be refused."""
    async with serve(furnished(), "127.0.0.1", 0) as port, aiohttp.ClientSession() as session:
        address = f"http://127.0.0.1:{port}/api/v1{path}"
        async with session.request(method, address) as answer:
            assert answer.content_type == "application/problem+json"
            problem = await answer.json(content_type=None)
            assert problem["status"] == answer.status
            assert problem["type"] == "about:blank"
            return answer.status, problem, answer.headers


@pytest.mark.parametrize(
    ("path", "field", "value", "remedy"),
    [
        ("/verdicts?limit=0", "limit", "0", "integer from 1 to 500"),
        ("/verdicts?limit=x", "limit", "x", "integer from 1 to 500"),
        ("/verdicts?before=-1", "before", "-1", "integer from 1"),
        ("/verdicts?rule=none", "rule", "none", "one of already_working, below_half_size"),
        ("/verdicts?lim=3", "lim", "3", "takes limit, before, strategy"),
        ("/status?x=1", "x", "1", "takes nothing"),
        ("/verdicts?limit=1&limit=2", "limit", "2", "give limit once"),
        ("/models?days=nan", "days", "nan", "number above 0 to 3660"),
        ("/nights/yesterday", "date", "yesterday", "YYYY-MM-DD"),
        ("/verdicts/%00", "verdict_id", "\\x00", "plain text"),
        ("/stream?after=x", "after", "x", "integer from 0"),
    ],
)
async def test_a_question_that_cannot_be_read_is_400(
    path: str, field: str, value: str, remedy: str
) -> None:
    """The field, what it was, what it may be."""
    status, problem, _ = await refused(path)
    assert (status, problem["field"], problem["value"]) == (400, field, value)
    assert remedy in problem["remedy"]


@pytest.mark.parametrize(
    "path",
    [
        "/strategies/nobody", "/chains/none", "/verdicts/none", "/equity?account=nobody",
        "/boards/DOGE", "/boards/BTC?expiry=1999-01-01", "/nights/1999-01-01", "/nothing",
    ],
)  # fmt: skip
async def test_what_does_not_exist_is_404(path: str) -> None:
    """And says so, with where to look."""
    status, problem, _ = await refused(path)
    assert status == 404
    assert problem["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_changed_here(method: str) -> None:
    """Any other method is 405 and names those that are taken."""
    status, problem, headers = await refused("/status", method)
    assert status == 405
    assert headers["Allow"] == "GET,HEAD"
    assert "ask with GET,HEAD" in problem["detail"]


@drawn(st.dictionaries(st.sampled_from(["limit", "before", "rule", "verdict", "x"]), st.text()))
def test_any_text_is_a_question_or_a_problem(given: dict[str, str]) -> None:
    """Nothing else comes of it, and what is understood keeps its bounds."""
    try:
        asked = understood(VerdictsQuestion, given)
    except Refused as error:
        problem = error.problem
    else:
        assert 1 <= asked.limit <= 500
        assert asked.before is None or asked.before >= 1
        return
    assert problem.status == 400
    assert problem.detail


def test_every_field_is_described_with_its_bounds() -> None:
    """Who asks wrongly reads what there is to ask."""
    said = words(VerdictsQuestion)
    assert said["limit"] == "integer from 1 to 500; How many at most, newest first."
    assert said["verdict"] == "one of approved, refused"
    assert list(said) == ["limit", "before", "strategy", "verdict", "rule"]
