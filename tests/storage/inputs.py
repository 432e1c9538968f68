"""One input of every kind the engine takes, for the tests of recordings."""

from __future__ import annotations

import math

import numpy as np

from tests.builders import option
from trader.domain import events
from trader.domain.facts import EpochOpened
from trader.domain.market import Bars
from trader.domain.models import ExpiryFit, ModelCalibrated
from trader.domain.units import DAY, HOUR, SECOND
from trader.storage.recordings import EpochManifest

NOON = 20_605 * DAY + 12 * HOUR
OPENING = EpochOpened(
    epoch=1, feed="simulated", speed=300.0, market="1@v1", software="0", configuration_hash="c"
)


def manifest(epoch: int = 1, opened_at: int = NOON) -> EpochManifest:
    """Open an epoch."""
    return EpochManifest(
        opening=EpochOpened(
            epoch=epoch, feed="f", speed=1.0, market="m", software="0", configuration_hash="c"
        ),
        opened_at=opened_at,
        opened_sequence=0,
        facts_recovered=0,
        balances={"BTC": 20.0},
        strategies={"covered_call_btc": "hash"},
    )


def quote(instrument: str = "BTC-3JUN26-90000-C", bid: float = 0.0105) -> events.Quote:
    """Show a touch with one side empty."""
    return events.Quote(
        instrument, NOON - 7, bid, 25.0, math.nan, 0.0, 0.011, 0.5, 90_000.1, 89_999.9
    )


def stamped(*inputs: events.Event, first: int = 1, at: int = NOON) -> list[events.Stamped]:
    """Stamp inputs a second apart."""
    return [events.Stamped(first + n, at + n * SECOND, one) for n, one in enumerate(inputs)]


def quotes(count: int, first: int = 1, at: int = NOON) -> list[events.Stamped]:
    """Stamp quotes of two currencies."""
    names = ("BTC-3JUN26-90000-C", "ETH-3JUN26-3000-P")
    return stamped(
        *(quote(names[n % 2], 0.01 + n * 1e-4) for n in range(count)), first=first, at=at
    )


def every_kind() -> list[events.Event]:
    """Make one event of each kind, with the awkward values each may carry."""
    contract = option()
    floats = np.array([0.01, 0.02])
    board = events.BoardSnapshot(
        "BTC", NOON, 90_000.0, (contract, contract),
        floats, floats, floats, floats, floats, floats, floats,
    )  # fmt: skip
    bars = Bars((0, HOUR), (1.0, 2.0), (1.0, math.inf), (1.0, 2.0), (1.0, 2.5))
    return [
        quote(),
        quote("ETH-PERPETUAL"),
        board,
        events.IndexPrice("BTC", 90_000.5, NOON),
        events.FundingRate("BTC-PERPETUAL", -1.25e-05, NOON),
        events.DeliveryPrice("ETH", NOON, 3_000.25),
        events.HistoryLoaded("BTC", bars),
        events.InstrumentListed((contract,)),
        events.InstrumentExpired(("BTC-1JUN26-90000-C",)),
        events.FeedLost("gap", ("*",), 'a "quoted" \u00b5 detail'),
        events.FeedRestored(("*",), ""),
        events.FeedFault("duplicate", (), "null"),
        events.RecordingTrouble("recording_stopped", "the disk is full"),
        events.TimerFired("sweep", NOON),
        ModelCalibrated(
            underlying="BTC",
            model="heston",
            quoted_at=NOON,
            parameters=(0.25, 2.0, 0.3, 1.5, -0.2),
            error=0.0125,
            expiries=(ExpiryFit(0.02, 0.01, 12),),
            forecasts={"BTC-3JUN26-90000-C": 0.55},
            targets=("BTC-3JUN26-90000-C",),
            excluded={"one_sided": 3},
            quotes=40,
        ),
        events.StageChanged("covered_call_btc", "PILOT", "night", "earned", "hash"),
        events.NightEvaluated(
            date="2026-06-01",
            profile="quick",
            detail="",
            verdicts=(
                events.NightVerdict(
                    strategy="covered_call_btc",
                    configuration_hash="hash",
                    stage="PILOT",
                    standing="judged",
                    reason="earned",
                    figures={"trades": 240.0},
                ),
            ),
        ),
        events.PauseTrading("ann", "lunch"),
        events.ResumeTrading("ann", "back", "null"),
        events.ClosePosition("ann", "enough", "chain"),
        events.FlattenAll("ann", "storm"),
        events.Promote("ann", "good", "covered_call_btc", "PRODUCTION"),
        events.Demote("ann", "bad", "covered_call_btc", "RESEARCH"),
        events.RunNightly("ann", "now", "2026-06-01"),
    ]
