"""Does every fact survive the way to a row and back, and is what would not survive refused?"""

from __future__ import annotations

import re
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings

from tests.storage.facts import alert, facts
from trader.domain.errors import StorageError
from trader.domain.events import ClosePosition, PauseTrading
from trader.domain.facts import (
    AccountMarked,
    AlertRaised,
    CommandTaken,
    Fact,
    Filled,
    Recorded,
    Settled,
)
from trader.domain.trading import Intent, Leg, LegFill
from trader.storage.payload import KINDS, Keys, decode, encode, keys_of, row

NAN = float("nan")


@given(facts())
@settings(max_examples=400, deadline=None)
def test_every_fact_reads_back_as_itself(fact: Fact) -> None:
    """Encoding then decoding gives an equal fact of the same type, for the whole union."""
    restored = decode(encode(fact))
    assert restored == fact
    assert type(restored) is type(fact)


@given(facts())
@settings(max_examples=200, deadline=None)
def test_keys_repeat_what_the_fact_says(fact: Fact) -> None:
    """A key column holds the fact's own field of that name wherever it has one."""
    keys = keys_of(fact)
    for name in ("account", "strategy", "underlying", "verdict_id", "order_id"):
        if hasattr(fact, name):
            assert getattr(keys, name) == getattr(fact, name)


def test_kinds_are_the_whole_union() -> None:
    """Every member of the union is a kind of its own name."""
    assert set(KINDS) == {kind.__name__ for kind in get_args(Fact)}
    assert len(KINDS) == len(set(KINDS))


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_refused_by_name(value: float) -> None:
    """NaN and infinity never enter a payload; the error names the field and the value."""
    fact = AccountMarked(
        account="main", equity_usd=1.0, trading_pnl_usd=0.0, indices={"BTC": value}
    )
    with pytest.raises(StorageError, match=re.escape(f"AccountMarked.indices['BTC'] is {value!r}")):
        encode(fact)


def test_nan_deep_inside_a_leg_is_named() -> None:
    """The path leads through tuples of structs to the number that is not finite."""
    leg = LegFill("BTC-PERPETUAL", 1.0, NAN, 65_000.0, 65_000.0, 0, "BTC", maker=False)
    fact = Filled(
        fill_id="f1",
        order_id="o1",
        account="main",
        strategy="s",
        chain_id="c1",
        amount=1.0,
        legs=(leg,),
        postings=(),
    )
    with pytest.raises(StorageError, match=r"Filled\.legs\[0\]\.price is nan"):
        encode(fact)


def test_a_field_of_a_wrong_type_is_refused_before_it_is_written() -> None:
    """What could not be read back (a list where a text belongs) never reaches the journal."""
    fact = AlertRaised(kind="test", severity="info", text=["no", "text"])  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="AlertRaised would not read back as itself"):
        encode(fact)


def test_text_that_is_no_unicode_is_refused() -> None:
    """A lone surrogate cannot be stored as UTF-8 and is a StorageError, nothing else."""
    with pytest.raises(StorageError, match="would not read back"):
        encode(alert(1, "\ud800").fact)


@pytest.mark.parametrize(("field", "value"), [("sequence", -1), ("at", 2**63), ("at", 1.5)])
def test_a_wrong_stamp_is_refused(field: str, value: float) -> None:
    """A sequence or a time that is no whole number of 63 bits is named."""
    recorded = msgspec.structs.replace(alert(1), **{field: value})
    with pytest.raises(StorageError, match=f"{field} {value}"):
        row(1, recorded)


def test_a_row_carries_keys_and_payload() -> None:
    """The row repeats id, stamp, kind and keys beside the payload."""
    pause = CommandTaken(PauseTrading(by="ann", reason="news", strategy="covered_call_btc"))
    written = row(7, Recorded(3, 4, pause))
    assert (written["id"], written["sequence"], written["at"]) == (7, 3, 4)
    assert (written["kind"], written["strategy"]) == ("CommandTaken", "covered_call_btc")
    assert decode(str(written["payload"])) == pause


def test_a_close_command_is_found_by_its_chain() -> None:
    """The chain a person closes is a key of the command."""
    command = CommandTaken(ClosePosition(by="ann", reason="done", chain_id="c9"))
    assert keys_of(command) == Keys(chain_id="c9")


def test_what_was_written_before_coin_moved_still_reads() -> None:
    """An expiry without `spot` and an intent without `delivery` are as they were: cash."""
    settled = Settled(account="main", underlying="BTC", expires_at=1, delivery_price=5.0,
                      legs=(), postings=())  # fmt: skip
    old = encode(settled).replace(',"spot":[]', "")
    assert "spot" not in old
    assert decode(old) == settled
    wish = Intent(strategy="a", action="open", underlying="BTC", legs=(Leg("x", -1),),
                  confidence=0.5, reason="why")  # fmt: skip
    before = msgspec.json.encode(wish).decode().replace(',"delivery":"cash"', "")
    assert "delivery" not in before
    assert msgspec.json.decode(before, type=Intent) == wish
