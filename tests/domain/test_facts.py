"""Is every fact written so that recovery reads the same fact back?"""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.facts import facts, of_type
from trader.domain.events import StageChanged
from trader.domain.facts import (
    MAIN_ACCOUNT,
    SHADOW_PREFIX,
    AccountOpened,
    Fact,
    Posting,
    Recorded,
)

DECODER = msgspec.json.Decoder(Recorded)


@settings(max_examples=40)
@given(facts(), st.integers(0, 2**62), st.integers(0, 2**62))
def test_every_fact_reads_back_from_the_journal(fact: Fact, sequence: int, at: int) -> None:
    """Recovery folds what JSON gives back: it must equal what was true."""
    recorded = Recorded(sequence, at, fact)
    assert DECODER.decode(msgspec.json.encode(recorded)) == recorded


@pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
@settings(max_examples=2)
@given(data=st.data())
def test_facts_are_told_apart_by_their_name(
    kind: type[msgspec.Struct], data: st.DataObject
) -> None:
    """Each kind of fact carries its own tag, so that no other can be read out of it."""
    fact = data.draw(of_type(kind))
    assert msgspec.json.decode(msgspec.json.encode(fact))["type"] == kind.__name__


def test_a_fact_of_an_unknown_kind_is_not_guessed() -> None:
    """A journal of a later version is refused, never half read."""
    told = msgspec.json.encode({"sequence": 1, "at": 2, "fact": {"type": "MoonLanded"}})
    with pytest.raises(msgspec.ValidationError, match="MoonLanded"):
        DECODER.decode(told)


def test_money_is_whole_atoms() -> None:
    """A fraction of an atom is no posting and no balance."""
    with pytest.raises(msgspec.ValidationError, match="Expected `int`"):
        msgspec.convert({"book": "cash", "currency": "BTC", "atoms": 0.5}, Posting)
    opened = {"type": "AccountOpened", "account": "main", "balances": {"BTC": 0.5}}
    with pytest.raises(msgspec.ValidationError, match="Expected `int`"):
        msgspec.convert(opened, AccountOpened)


def test_shadow_accounts_cannot_be_taken_for_the_real_one() -> None:
    """No strategy's name makes a shadow account the main one."""
    assert not MAIN_ACCOUNT.startswith(SHADOW_PREFIX)
    assert SHADOW_PREFIX + "" != MAIN_ACCOUNT


def test_a_stage_change_is_a_fact_and_an_event() -> None:
    """The night's decision comes in as an event and is kept as it came."""
    assert StageChanged in get_args(Fact)
