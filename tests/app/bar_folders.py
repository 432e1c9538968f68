"""Which bars do tests of the portfolio's commands run on? A folder of made-up coins."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trader.domain.units import HOUR, iso

BEGIN = 1_672_531_200_000_000_000


def write_bars(folder: Path, rows: int = 900, symbols: tuple[str, ...] = ("SOL", "XRP")) -> Path:
    """Write a CSV of each symbol, hour by hour from 2023 on; every 300th bar is missing."""
    folder.mkdir(exist_ok=True)
    for number, symbol in enumerate(symbols):
        random = np.random.default_rng(number)
        close = 50.0 * np.exp(np.cumsum(random.normal(0.0005, 0.01, rows)))
        opened = np.concatenate((close[:1], close[:-1]))
        high, low = np.maximum(opened, close) * 1.003, np.minimum(opened, close) * 0.997
        lines = ["Time,Open,High,Low,Close,Volume"]
        lines += [
            f"{iso(BEGIN + row * HOUR)},{opened[row]},{high[row]},{low[row]},{close[row]},1"
            for row in range(rows)
            if row % 300 != 299
        ]
        (folder / f"{symbol}USDT-1h.csv").write_text("\n".join(lines) + "\n")
    return folder
