"""What exactly is asked of an evaluation? One request, whether a night or a person asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.backtest.recorded_market import RecordedMarket
from trader.backtest.runner import Terms
from trader.domain.units import DAY, YEAR, iso, nanoseconds
from trader.evaluation.approval import approval_config
from trader.evaluation.recorded_past import prepared
from trader.evaluation.strategy_card import FULL, QUICK, Request
from trader.strategies.fitted_policy import FittedPolicy

if TYPE_CHECKING:
    from trader.app.settings import Settings
    from trader.backtest.market import Market
    from trader.evaluation.runs import Subject

WARM_UP: Final = 60 * DAY
"""History before the first decision: what strategies look back on."""


def request_of(
    settings: Settings,
    subject: Subject,
    market: Market | RecordedMarket,
    until: int | None = None,
    *,
    trials: int,
    paper: tuple[float, ...] = (),
) -> Request:
    """Ask for the last years up to an instant, by the profile, terms and gates as configured.

    Whether the span suffices is the caller's to ask: `start` leaves time to warm up where it can;
    of recorded boards, which are few, all are used. What a fitted policy learned from is not.
    """
    plan = QUICK if settings.nightly.profile == "quick" else FULL
    warm_up = WARM_UP
    if isinstance(market, RecordedMarket):
        subject, plan, market = prepared(subject, plan, market)
        warm_up = 0
    else:
        market = plan.seen(market)
    start, end = span_of(market.span, None, until, settings.nightly.years, warm_up)
    start = max(start, unseen_from(subject) or start)
    return Request(
        subject=subject,
        market=market,
        terms=terms_of(settings),
        start=start,
        end=end,
        plan=plan,
        approval=approval_config(settings.approval),
        trials=trials,
        paper=paper,
    )


def unseen_from(subject: Subject) -> int | None:
    """Name the midnight from which on a strategy's fitted policy had seen nothing; None: no policy.

    A backtest of what it learned from would tell what it remembers, not what it earns.
    """
    policy = getattr(subject.strategy().settings, "policy", None)
    if not isinstance(policy, FittedPolicy):
        return None
    return -(-nanoseconds(policy.tested.first) // DAY) * DAY


def unseen_lack(subject: Subject, end: int) -> str | None:
    """Say why too little history came after what a policy learned from; None where enough did."""
    since = unseen_from(subject)
    if since is None or end - since >= WARM_UP:
        return None
    return (
        f"its policy learned from what came before {iso(since)}: {max(end - since, 0) // DAY} days"
        f" of history came after, {WARM_UP // DAY} are needed"
    )


def span_of(
    span: tuple[int, int], start: int | None, end: int | None, years: float, warm_up: int = WARM_UP
) -> tuple[int, int]:
    """Choose midnights to run between: what is asked for, else the last years there are."""
    first, last = span
    until = last // DAY * DAY if end is None else end
    if start is not None:
        return start, until
    earliest = first + warm_up if until - first >= 2 * warm_up else first
    return -(-max(earliest, until - round(years * YEAR)) // DAY) * DAY, until


def terms_of(settings: Settings) -> Terms:
    """Take balances, limits and broker as they are configured."""
    balances = dict(settings.account.balances)
    return Terms(balances=balances, risk=settings.risk, broker=settings.broker)
