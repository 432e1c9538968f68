"""Which facts are about a chain? Its own, and the settlements of its legs: one lookup for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.facts import ChainEnded, Recorded, Settled
from trader.views.reading import NotThere

if TYPE_CHECKING:
    from trader.views.reading import Reading

FACTS_MAX: Final = 20_000
"""Facts of one chain that are read; the rest of a longer life is left out."""


def facts_about(reading: Reading, chain_id: str) -> tuple[Recorded, ...]:
    """Find what is known of a chain, oldest first; of settlements only its own legs.

    Raises:
        NotThere: the journal knows no such chain.
    """
    own = list(reading.facts(chain_id=chain_id, limit=FACTS_MAX)) if chain_id else []
    if not own:
        raise NotThere(f"no chain {chain_id!r} is in the journal: see the page of chains")
    ended = any(isinstance(one.recorded.fact, ChainEnded) for one in own)
    last = own[-1].id if ended else None
    found = [(one.id, one.recorded) for one in own]
    for one in reading.facts(kinds=("Settled",), after_id=own[0].id, limit=FACTS_MAX):
        if last is not None and one.id > last:
            break
        part = _part(one.recorded.fact, chain_id)
        if part is not None:
            found.append((one.id, msgspec.structs.replace(one.recorded, fact=part)))
    return tuple(recorded for _, recorded in sorted(found, key=lambda pair: pair[0]))


def _part(fact: object, chain_id: str) -> Settled | None:
    """Keep of a settlement what is a chain's; None where nothing is."""
    if not isinstance(fact, Settled):
        return None
    legs = tuple(one for one in fact.legs if one.chain_id == chain_id)
    spot = tuple(one for one in fact.spot if one.chain_id == chain_id)
    if not legs and not spot:
        return None
    return msgspec.structs.replace(fact, legs=legs, spot=spot)
