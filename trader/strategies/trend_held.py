"""What does a sleeve hold, since when, and how much is that in coins or in contracts?"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from trader.domain.market import Bars
from trader.domain.units import HOUR
from trader.domain.valuation import trade_fee
from trader.strategies.trend_sleeves import Held

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trader.domain.market import Touch
    from trader.domain.portfolio import ChainView, Position
    from trader.domain.trading import Intent


def known(bars: Bars, at: int) -> Bars:
    """Leave out what had not closed at an instant."""
    if not bars.opened_at or bars.opened_at[-1] + HOUR <= at:
        return bars
    count = bisect.bisect_right(bars.opened_at, at - HOUR)
    prices = (column[:count] for column in (bars.open, bars.high, bars.low, bars.close))
    return Bars(bars.opened_at[:count], *prices)


def held_of(chain: ChainView) -> Position | None:
    """Find the one position of a chain that can be traded; None where there is none."""
    if chain.state != "open" or len(chain.positions) != 1 or not chain.units > 0:
        return None
    return chain.positions[0]


def age_of(chain: ChainView, bars: Bars) -> int:
    """Count the bars that closed since a position was decided on."""
    entered = chain.approved_at // HOUR * HOUR
    age = 0
    for opened_at in reversed(bars.opened_at):
        if opened_at < entered:
            break
        age += 1
    return age


def all_held(chains: Iterable[ChainView], closes: Mapping[str, float]) -> dict[str, Held]:
    """List what is held, by chain. A coin without a close is worth what was paid for it."""
    found = {}
    for chain in chains:
        course, position = chain.course, held_of(chain)
        if course is not None and position is not None:
            entry, coin = position.entry_price, chain.underlying
            coins = coins_of(position, position.amount, entry)
            close = closes.get(coin, entry)
            found[chain.chain_id] = Held(course.tag, coins, entry, course.stop.price, close, coin)
    return found


class Tally:
    """What is held and what the account is worth, while one decision after the other changes both.

    Fees of what was decided are gone when the next is sized; what leaves at any price is gone too
    (`left`, by id), a stop that was moved counts where it stands now.
    """

    def __init__(
        self, chains: Iterable[ChainView], closes: Mapping[str, float], equity: float
    ) -> None:
        self.held = all_held(chains, closes)
        self.left: dict[str, ChainView] = {}
        self.equity = equity

    def leave(self, chain: ChainView, touch: Touch) -> None:
        """Take a chain as gone, once."""
        if chain.chain_id not in self.left:
            self.left[chain.chain_id] = chain
            self.held.pop(chain.chain_id, None)
            self.equity -= fee_usd(touch, chain.units)

    def take(self, intent: Intent, chain: ChainView, touch: Touch) -> None:
        """Take a decision on a chain as done."""
        held, stop = self.held.get(chain.chain_id), intent.stop
        if at_any_price(intent):
            self.leave(chain, touch)
        elif held is not None and intent.action == "protect" and stop is not None:
            self.held[chain.chain_id] = replace(held, stop=stop.price)
        elif held is not None and intent.action == "add" and intent.amount is not None:
            more = intent.amount / touch.ask if touch.instrument.inverse else intent.amount
            coins = held.coins + more
            entry = (held.entry * held.coins + touch.ask * more) / coins
            self.held[chain.chain_id] = replace(held, coins=coins, entry=entry)
            self.equity -= fee_usd(touch, intent.amount)


def at_any_price(intent: Intent) -> bool:
    """Whether an intent leaves at whatever is displayed."""
    return intent.action == "close" and intent.pricing.limit_net is None


def fee_usd(touch: Touch, amount: float) -> float:
    """Charge an amount at the price of now, in USD; nothing where there is none."""
    one, price = touch.instrument, touch.bid
    if not 0 < price < math.inf:
        return 0.0
    return trade_fee(one, amount, price, price) * (price if one.inverse else 1.0)


def coins_of(position: Position, amount: float, price: float) -> float:
    """Count an amount of a position in coins."""
    return amount / price if position.instrument.inverse else amount


def units_of(inverse: bool, coins: float, price: float) -> float:
    """Count coins in what a perpetual is traded in: dollars where it is settled in coin."""
    return coins * price if inverse else coins
