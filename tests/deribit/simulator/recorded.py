"""How do tests hand the exchange a recorded market? The small chain, as the app would read it."""

from __future__ import annotations

import numpy as np

from tests.recorded_chain import SIZE, chain, closes
from trader.deribit.simulator.recording import Recording, Rows, Steps, merged
from trader.domain.units import DAY, HOUR


def small_recording() -> Recording:
    """Make the recording of one small BTC chain and its perpetual's closes."""
    known, bars = chain(), closes()
    ends_at = np.array(bars["ts"], dtype=np.int64) + HOUR
    hourly = Steps(ends_at, np.array(bars["close"]))
    names = [*dict.fromkeys(known["name"]), "BTC-PERPETUAL"]
    codes = {name: place for place, name in enumerate(names)}
    options, hours = len(known["ts"]), len(ends_at)
    at = np.concatenate([np.array(known["ts"], dtype=np.int64), ends_at])
    order = np.argsort(at, kind="stable")
    nothing, unknown = np.zeros(hours), np.full(hours, np.nan)
    bid = np.array([one or 0.0 for one in known["bid"]])
    index = np.array(known["index"])

    def column(of_options: np.ndarray, of_hours: np.ndarray) -> np.ndarray:
        joined: np.ndarray = np.concatenate([of_options, of_hours])[order]
        return joined

    instrument = np.array([codes[name] for name in known["name"]])
    rows = Rows(
        tuple(names),
        ("SYN.X",),
        at[order],
        column(instrument, np.full(hours, codes["BTC-PERPETUAL"])).astype(np.int32),
        column(bid, nothing),
        column(np.array(known["ask"]), nothing),
        column(np.where(bid > 0.0, SIZE, 0.0), nothing),
        column(np.full(options, SIZE), nothing),
        column(np.array(known["mark"]), hourly.value),
        column(np.array(known["iv"]) / 100.0, unknown),
        column(np.array(known["forward"]), hourly.value),
        column(index, hourly.value),
        column(np.array(known["oi"]), unknown),
        column(np.zeros(options), np.full(hours, -1.0)).astype(np.int32),
    )
    moments, first = np.unique(np.array(known["ts"], dtype=np.int64), return_index=True)
    eight = hourly.at % DAY == 8 * HOUR
    return Recording(
        name="small",
        opens_at=int(moments[0]),
        rows=rows,
        indexes={"BTC": merged([hourly, Steps(moments, index[first])])},
        closes={"BTC": hourly},
        deliveries={"BTC": Steps(hourly.at[eight], hourly.value[eight])},
        staleness_s=8 * 3_600.0,
        assumed_sizes=True,
    )
