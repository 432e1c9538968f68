"""How does a fact become a row, and a row the same fact again?

JSON by msgspec, tagged with the fact's class name, beside a few columns to look it up by. What
would not read back as itself is refused before it is written: a journal is only worth what
recovery can read from it.
"""

from __future__ import annotations

import math
from typing import Final, assert_never, get_args

import msgspec

from trader.domain.errors import StorageError
from trader.domain.events import ClosePosition, Command, NightEvaluated, StageChanged
from trader.domain.facts import (
    AccountMarked,
    AccountOpened,
    AlertRaised,
    BehaviorJudged,
    ChainEnded,
    CommandTaken,
    EpochOpened,
    Fact,
    Filled,
    FillFollowed,
    FundingPaid,
    HaltChanged,
    OrderEnded,
    OrderPlaced,
    Recorded,
    SessionOpened,
    SessionWithdrawn,
    Settled,
    SettlementPending,
)
from trader.domain.models import EdgesWeighed, ModelCalibrated, RegimeChanged, WeightsAdopted
from trader.domain.trading import Approved, Refused

KINDS: Final[tuple[str, ...]] = tuple(kind.__name__ for kind in get_args(Fact))
_DECODER: Final[msgspec.json.Decoder[Fact]] = msgspec.json.Decoder(Fact)
_LARGEST: Final = 2**63 - 1


class Keys(msgspec.Struct, frozen=True):
    """What a fact is looked up by; None where it has no such thing."""

    account: str | None = None
    strategy: str | None = None
    underlying: str | None = None
    chain_id: str | None = None
    verdict_id: str | None = None
    order_id: str | None = None


def row(fact_id: int, recorded: Recorded) -> dict[str, int | str | None]:
    """Lay out one fact as a row of the table `facts`.

    Raises:
        StorageError: a number is not finite, or the fact would not read back as itself.
    """
    fact = recorded.fact
    kind = type(fact).__name__
    for field, number in (("sequence", recorded.sequence), ("at", recorded.at)):
        if type(number) is not int or not 0 <= number <= _LARGEST:
            raise StorageError(
                f"{kind}: {field} {number!r} is no whole number from 0 to 2^63-1:"
                " the event behind this fact was stamped wrongly; nothing was written"
            )
    payload = encode(fact)
    keys = msgspec.structs.asdict(keys_of(fact))
    return {
        "id": fact_id,
        "sequence": recorded.sequence,
        "at": recorded.at,
        "kind": kind,
        **keys,
        "payload": payload,
    }


def encode(fact: Fact) -> str:
    """Write a fact as JSON.

    Raises:
        StorageError: a number is not finite, or the fact would not read back as itself.
    """
    kind = type(fact).__name__
    try:
        payload = msgspec.json.encode(fact)
        whole = _DECODER.decode(payload) == fact
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise StorageError(_offense(fact, kind) or _unreadable(kind, str(error))) from error
    if not whole:
        raise StorageError(_offense(fact, kind) or _unreadable(kind, "a field changed its type"))
    return payload.decode()


def decode(payload: str) -> Fact:
    """Read a fact from JSON.

    Raises:
        ValueError: this is no fact we know.
    """
    return _DECODER.decode(payload)


def keys_of(fact: Fact) -> Keys:
    """Name what a fact is looked up by."""
    match fact:
        case EpochOpened() | NightEvaluated():
            return Keys()
        case Approved() | Refused():
            return _verdict_keys(fact)
        case OrderPlaced(order=order):
            return Keys(
                order.account,
                order.strategy,
                order.underlying,
                order.chain_id,
                order.verdict_id,
                order.order_id,
            )
        case OrderEnded():
            return Keys(fact.account, order_id=fact.order_id)
        case Filled():
            return Keys(fact.account, fact.strategy, chain_id=fact.chain_id, order_id=fact.order_id)
        case SessionOpened():
            coin = fact.instrument.underlying
            return Keys(fact.account, fact.strategy, coin, fact.chain_id, fact.verdict_id)
        case SessionWithdrawn() | FillFollowed():
            return Keys(fact.account, fact.strategy, chain_id=fact.chain_id)
        case FundingPaid():
            return Keys(fact.account, chain_id=fact.chain_id)
        case EdgesWeighed():
            return Keys(strategy=fact.strategy, underlying=fact.underlying)
        case RegimeChanged() | ModelCalibrated() | WeightsAdopted():
            return Keys(underlying=fact.underlying)
        case Settled() | SettlementPending():
            return Keys(fact.account, underlying=fact.underlying)
        case ChainEnded():
            return Keys(fact.account, fact.strategy, fact.underlying, fact.chain_id)
        case AccountOpened() | AccountMarked() | HaltChanged():
            return Keys(fact.account)
        case BehaviorJudged():
            return Keys(fact.account, fact.strategy, chain_id=fact.chain_id)
        case StageChanged() | AlertRaised():
            return Keys(strategy=fact.strategy)
        case CommandTaken(command=command):
            return _command_keys(command)
        case _:
            assert_never(fact)


def _verdict_keys(verdict: Approved | Refused) -> Keys:
    intent = verdict.intent
    chain_id = verdict.chain_id if isinstance(verdict, Approved) else intent.chain_id
    return Keys(
        verdict.account, intent.strategy, intent.underlying, chain_id, verdict.verdict_id, None
    )


def _command_keys(command: Command) -> Keys:
    if isinstance(command, ClosePosition):
        return Keys(chain_id=command.chain_id)
    return Keys(strategy=getattr(command, "strategy", None))


def _unreadable(kind: str, cause: str) -> str:
    return (
        f"{kind} would not read back as itself ({cause}): nothing was written;"
        " whoever made this fact gave a field a wrong type"
    )


def _offense(value: object, path: str) -> str | None:
    """Name the first number in `value` that is not finite, as a sentence; None where all are."""
    if isinstance(value, float):
        if math.isfinite(value):
            return None
        return (
            f"{path} is {value!r}: a journal holds finite numbers only, nothing was written;"
            " whoever made this fact must refuse or leave out what it does not know"
        )
    for name, part in parts_of(value):
        if found := _offense(part, f"{path}{name}"):
            return found
    return None


def parts_of(value: object) -> list[tuple[str, object]]:
    """Name the parts that a value of a fact consists of, as a path goes on; none of a plain one."""
    match value:
        case msgspec.Struct():
            return [(f".{name}", getattr(value, name)) for name in value.__struct_fields__]
        case tuple() | list():
            return [(f"[{place}]", part) for place, part in enumerate(value)]
        case dict():
            return [(f"[{key!r}]", part) for key, part in sorted(value.items(), key=str)]
        case _:
            return []
