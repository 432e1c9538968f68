"""What exactly is asked of an evaluation? One request, whether a night or a person asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.app.assemble import build_ensemble
from trader.backtest.recorded_market import RecordedMarket
from trader.backtest.runner import Terms
from trader.domain.units import DAY, MINUTE, YEAR, iso, nanoseconds
from trader.evaluation.approval import approval_config
from trader.evaluation.recorded_past import prepared
from trader.evaluation.strategy_card import FULL, QUICK, Request
from trader.strategies.fitted_policy import asked_policy
from trader.strategies.strategy import boards_apart, reads_board, trades_linear

if TYPE_CHECKING:
    from trader.app.settings import Settings
    from trader.backtest.market import Market
    from trader.evaluation.runs import Subject

WARM_UP: Final = 60 * DAY
"""History before the first decision: what strategies look back on."""


UNMET: Final = (
    "it rests quotes, and only recorded boards show what met them: boards modelled by the hour"
    " cannot tell (`trader data import` takes what the recorder wrote, --recorded uses it)"
)


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
    of recorded boards, which are few, all are used. What a fitted policy learned from is not. Who
    trades a perpetual goes over its candles as they are, whatever boards stand beside them.
    """
    plan = QUICK if settings.nightly.profile == "quick" else FULL
    if isinstance(market, RecordedMarket):
        subject, plan, market = prepared(subject, plan, market)
    else:
        market = plan.seen(market)
    span, warm_up = shown_span(subject, market), warm_up_of(subject, market)
    start, end = span_of(span, None, until, settings.nightly.years, warm_up)
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


def shown_span(subject: Subject, market: Market | RecordedMarket) -> tuple[int, int]:
    """Tell from when to when a market shows what a strategy trades: boards, or candles."""
    is_on_candles = not reads_board(subject.strategy())
    return market.perpetual().span if is_on_candles else market.span


def warm_up_of(subject: Subject, market: Market | RecordedMarket) -> int:
    """Tell how much history is left to look back on: of recorded boards, which are few, none."""
    is_on_boards = reads_board(subject.strategy())
    return 0 if is_on_boards and isinstance(market, RecordedMarket) else WARM_UP


def boards_lack(subject: Subject, market: Market | RecordedMarket) -> str | None:
    """Say that boards do not show what a strategy trades, or what met it; None where they do."""
    strategy = subject.strategy()
    if not isinstance(market, RecordedMarket):
        return UNMET if boards_apart(strategy) is not None else None
    if not reads_board(strategy):
        return None
    if not trades_linear(strategy):
        return None
    return (
        "it trades options settled in USDC and no recorded boards show them: judge it on modelled"
        ' ones (nightly.boards = "modelled"; by hand without --recorded and --chains)'
    )


def days_lack(subject: Subject, market: Market | RecordedMarket) -> str | None:
    """Say that too few days were recorded closely enough to judge quotes that rest by; None where
    there are enough, and for strategies that rest none.
    """
    strategy = subject.strategy()
    apart = boards_apart(strategy)
    if apart is None:
        return None
    needed = int(getattr(strategy.settings, "boards_days_min", 1))
    days = market.days_shown(apart) if isinstance(market, RecordedMarket) else 0
    if days >= needed:
        return None
    return (
        f"{days} of {needed} days were recorded with a board every {apart / MINUTE:g} minutes; "
        f"{UNMET}"
    )


def unseen_from(subject: Subject) -> int | None:
    """Name the midnight from which on a strategy's fitted policy had seen nothing; None: no policy.

    A backtest of what it learned from would tell what it remembers, not what it earns.
    """
    policy = asked_policy(subject.strategy().settings)
    if policy is None:
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
    return Terms(
        balances=balances,
        risk=settings.risk,
        broker=settings.broker,
        ensemble=build_ensemble(settings, every_minutes=settings.calibration.backtest_minutes),
    )
