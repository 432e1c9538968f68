"""Sessions of quotes are told in sentences: what was quoted, what filled, what came after."""

from __future__ import annotations

import msgspec

from tests.engine.floor import CALL_LATER, Floor
from tests.engine.test_quoting import quoted
from trader.domain.events import ClosePosition
from trader.domain.facts import FillFollowed, Recorded, SessionOpened, SessionWithdrawn
from trader.domain.trading import Approved
from trader.domain.units import MINUTE
from trader.engine.quoting import Tally
from trader.views.live import fold
from trader.views.log_lines import log_line
from trader.views.session_lines import explain_session, strategies_text


def story() -> list[Recorded]:
    """Buy by a quote, look at that later, and let a person close it."""
    floor = Floor()
    chain = quoted(floor)
    floor.move(88_500.0)
    for _ in range(7):
        floor.pass_time(MINUTE)
    floor.send(ClosePosition(by="ann", reason="enough", chain_id=chain.id))
    floor.pass_time(1_000_000_000)
    return floor.records


def messages(kind: type) -> list[str]:
    """Tell the facts of a kind as the log does."""
    return [str(log_line(one)[1]["message"]) for one in story() if isinstance(one.fact, kind)]


def test_the_log_tells_beginning_end_and_what_followed_a_fill() -> None:
    """A sentence each, with names to search by."""
    (opened,) = messages(SessionOpened)
    assert opened.startswith(f"alpha quotes {CALL_LATER} from here on: C")
    (withdrawn,) = messages(SessionWithdrawn)
    assert withdrawn.endswith(": closed by ann: enough")
    (followed,) = messages(FillFollowed)
    assert f"alpha bought 0.4 {CALL_LATER} at" in followed
    assert "later its middle was" in followed
    assert followed.endswith(" BTC for us")
    unseen = next(one for one in story() if isinstance(one.fact, FillFollowed))
    assert isinstance(unseen.fact, FillFollowed)
    lost = msgspec.structs.replace(unseen.fact, mid=None)
    assert "nobody quoted it" in str(log_line(Recorded(1, 1, lost))[1]["message"])


def test_verdicts_on_sessions_and_quotes_say_what_they_allow() -> None:
    """A session names its most, a quote its side; only the session states a max loss."""
    session, *quotes, close = messages(Approved)
    assert f"may open: quotes of {CALL_LATER}, at most 1 either way" in session
    assert "max loss" in session
    assert [("buy 0.4" in one, "sell 0.4" in one) for one in quotes] == [
        (True, False), (False, True),
    ]  # fmt: skip
    assert not any("max loss" in one for one in (*quotes, close))


def test_a_session_is_explained_with_its_fills_and_its_adverse_selection() -> None:
    """What rested and filled, what came after, why it ended; other chains have no such part."""
    records = story()
    chain_id = next(one.fact.chain_id for one in records if isinstance(one.fact, SessionOpened))
    mine = [one for one in records if getattr(one.fact, "chain_id", "") == chain_id
            or getattr(getattr(one.fact, "order", None), "chain_id", "") == chain_id]  # fmt: skip
    text = explain_session(mine)
    assert f"at most 1 {CALL_LATER} on either side" in text
    assert "2, 1 fills" in text
    assert "closed by ann: enough" in text
    assert "a unit against us" in text
    assert "1 fills looked at" in text
    assert explain_session([one for one in records if not isinstance(one.fact, Approved)]) == ""


def test_a_living_session_shows_how_it_goes() -> None:
    """Listed among the chains while it holds nothing, with its counts for a reason."""
    floor = Floor()
    quoted(floor)
    (row,) = fold(iter(floor.records)).chains()
    assert row.state == "working"
    assert row.reason == f"quotes {CALL_LATER}, at most 1; 0 fills, bought 0, sold 0"


def test_strategies_are_set_side_by_side() -> None:
    """One line for each; what was not looked at stays empty."""
    seen = Tally(sessions=2, fills=3, units=0.9, followed=0.6, drift=-0.0006, paid=0.012,
                 currency="BTC")  # fmt: skip
    text = strategies_text({"b": seen, "a": Tally(sessions=1, currency="ETH")})
    lines = text.splitlines()
    assert [one.split()[0] for one in lines[1:]] == ["a", "b"]
    assert "-0.0006 BTC" in lines[2]
    assert "-0.001 BTC" in lines[2]
    assert "-5.00 %" in lines[2]
