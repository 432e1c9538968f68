"""Which market do snapshots of option chains tell? A small TOML says which column is what.

trader exchange --replay config/replay.deribit-chains.example.toml --data FOLDER
"""

from __future__ import annotations

import hashlib
import tomllib
from datetime import time
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trader.app.mistakes import mistakes_of
from trader.deribit.simulator.listing import PERPETUALS
from trader.deribit.simulator.products import coin_of
from trader.deribit.simulator.recording import Recording, Rows, Steps, merged
from trader.deribit.translate import contract_name
from trader.domain.errors import ConfigurationError
from trader.domain.units import DAY, HOUR, MINUTE
from trader.storage.tables import Words, read_table

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from trader.pricing.normal import Array
    from trader.storage.tables import ForeignTable

Positive = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
PERCENT: Final = 100.0


class Section(BaseModel):
    """A table of the TOML: closed, strict and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ChainColumns(Section):
    """What the columns of the snapshots are called; null prices are sides without a quote."""

    at: str
    instrument: str
    bid: str
    ask: str
    mark: str
    mark_iv_percent: str
    underlying_price: str
    index_price: str
    bid_amount: str | None = None
    ask_amount: str | None = None
    open_interest: str | None = None
    underlying_index: str | None = None


class Chains(Section):
    """Snapshots: one row per contract and moment, prices in the contract's unit."""

    files: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    columns: ChainColumns
    assumed_sizes: dict[str, Positive] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _sized(self) -> Self:
        columns = (self.columns.bid_amount, self.columns.ask_amount)
        if None in columns and (columns != (None, None) or not self.assumed_sizes):
            raise ValueError(
                "name both columns.bid_amount and columns.ask_amount, or state assumed_sizes"
            )
        return self


class CloseColumns(Section):
    """What the columns of the closes are called; `opens_at` is the opening time of the bar."""

    opens_at: str
    symbol: str
    close: str


class Closes(Section):
    """Hourly closes of perpetuals: index between snapshots, bars, delivery prices."""

    file: str
    columns: CloseColumns
    symbols: Annotated[dict[str, str], Field(min_length=1)]
    delivery_bar_opens_at: time = Field(strict=False)


class ReplayFile(Section):
    """The whole TOML."""

    staleness_hours: Annotated[float, Field(gt=0, le=168, allow_inf_nan=False)]
    chains: Chains
    closes: Closes


def read_chains(path: Path, folder: Path | None) -> Recording:
    """Read the market that a TOML names; relative files lie in `folder`, else beside the TOML.

    Raises:
        ConfigurationError: the TOML is wrong, or names contracts that nobody knows.
        StorageError: a file cannot be read.
    """
    content, plan = read_plan(path)
    root = folder or path.parent
    digest = hashlib.sha256(content)
    for name in (*plan.chains.files, plan.closes.file):
        digest.update(_content(root / name))
    closes = _closes(plan, root)
    parts = [_snapshots(plan, root / name) for name in plan.chains.files]
    parts += [_perpetual(product, steps) for product, steps in closes.items()]
    rows, indexes = joined(parts), _indexes(parts, closes)
    opens = plan.closes.delivery_bar_opens_at
    expiry_time = (opens.hour * 60 + opens.minute) * MINUTE + HOUR
    return Recording(
        name=digest.hexdigest()[:12],
        opens_at=_first_snapshot(rows, plan),
        rows=rows,
        indexes=indexes,
        closes=closes,
        deliveries={
            coin_of(product): _at_time(steps, expiry_time) for product, steps in closes.items()
        },
        staleness_s=plan.staleness_hours * 3_600.0,
        assumed_sizes=plan.chains.columns.bid_amount is None,
    )


def read_plan(path: Path) -> tuple[bytes, ReplayFile]:
    """Read the TOML: its bytes, and what they say.

    Raises:
        ConfigurationError: it is none, or a key of it is wrong.
    """
    try:
        content = path.read_bytes()
        return content, ReplayFile.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name a TOML that exists") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}; write it as TOML") from error
    except ValidationError as error:
        raise ConfigurationError(
            "\n".join(mistakes_of(error, ReplayFile, lambda _: str(path)))
        ) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}; name a file that exists, or its folder with --data"
        ) from error


def _closes(plan: ReplayFile, root: Path) -> dict[str, Steps]:
    """Read the closes of each product, each known at the end of its hour."""
    path = root / plan.closes.file
    table = read_table(path, plan.closes.columns.model_dump())
    ends_at, close = table.instants("opens_at") + HOUR, table.numbers("close")
    symbols = table.words("symbol")
    found = {}
    for product, symbol in plan.closes.symbols.items():
        if product not in PERPETUALS or symbol not in symbols.known:
            raise ConfigurationError(
                f"{path}: closes.symbols.{product} = {symbol!r}: products are "
                f"{', '.join(PERPETUALS)}, symbols {', '.join(symbols.known)}; name one of each"
            )
        here = (symbols.row == symbols.known.index(symbol)) & (close > 0.0)
        found[product] = merged([Steps(ends_at[here], close[here])])
    return found


def _at_time(steps: Steps, of_day: int) -> Steps:
    chosen = steps.at % DAY == of_day % DAY
    return Steps(steps.at[chosen], steps.value[chosen])


def _snapshots(plan: ReplayFile, path: Path) -> Rows:
    """Read one file of snapshots."""
    chains = plan.chains
    table = read_table(path, chains.columns.model_dump(exclude_none=True))
    names = table.words("instrument")
    bid, ask = (np.nan_to_num(table.numbers(side)) for side in ("bid", "ask"))
    if chains.columns.bid_amount is None:
        sizes = np.array([_assumed(name, chains.assumed_sizes, path) for name in names.known])
        shown = sizes[names.row]
        bid_amount, ask_amount = shown, shown
    else:
        bid_amount, ask_amount = table.numbers("bid_amount"), table.numbers("ask_amount")
    priced_off = Words((), np.full(len(table), -1, dtype=np.int32))
    if chains.columns.underlying_index is not None:
        priced_off = table.words("underlying_index")
    return Rows(
        names.known,
        priced_off.known,
        table.instants("at"),
        names.row,
        bid,
        ask,
        np.where(bid > 0.0, bid_amount, 0.0),
        np.where(ask > 0.0, ask_amount, 0.0),
        table.numbers("mark"),
        table.numbers("mark_iv_percent") / PERCENT,
        table.numbers("underlying_price"),
        table.numbers("index_price"),
        _optional(table, "open_interest", chains.columns.open_interest),
        priced_off.row,
    )


def _optional(table: ForeignTable, name: str, column: str | None) -> Array:
    return np.full(len(table), np.nan) if column is None else table.numbers(name)


def _assumed(name: str, sizes: dict[str, float], path: Path) -> float:
    contract = contract_name(name)
    size = None if contract is None else sizes.get(contract.underlying)
    if size is None:
        raise ConfigurationError(
            f"{path}: no size to assume for {name!r}; state chains.assumed_sizes for its coin"
        )
    return size


def _perpetual(product: str, closes: Steps) -> Rows:
    """Show the perpetual's close as its mark; nobody recorded its book."""
    count = len(closes.at)
    nothing, unknown = np.zeros(count), np.full(count, np.nan)
    return Rows(
        (PERPETUALS[product].name,),
        (),
        closes.at,
        np.zeros(count, dtype=np.int32),
        nothing,
        nothing,
        nothing,
        nothing,
        closes.value,
        unknown,
        closes.value,
        closes.value,
        unknown,
        np.full(count, -1, dtype=np.int32),
    )


def _indexes(parts: list[Rows], closes: dict[str, Steps]) -> dict[str, Steps]:
    """Join closes and the middle of each snapshot's index: whichever is the newer holds."""
    known: dict[str, list[Steps]] = {}
    for product, steps in closes.items():
        known.setdefault(coin_of(product), []).append(steps)
    for rows in parts:
        coins = np.array([coin_of(name.partition("-")[0]) for name in rows.names])
        of_row = coins[rows.instrument]
        for coin in np.unique(of_row).tolist():
            here = (of_row == coin) & (rows.index_price > 0.0)
            at, first = np.unique(rows.at[here], return_index=True)
            groups = np.split(rows.index_price[here], first[1:])
            middles = np.array([float(np.median(group)) for group in groups])
            known.setdefault(coin, []).append(Steps(at, middles))
    return {coin: merged(steps) for coin, steps in known.items()}


def joined(parts: list[Rows]) -> Rows:
    """Put rows of several sources together, in order of time."""
    names: dict[str, int] = {}
    priced_off: dict[str, int] = {}
    instruments, indexes = [], []
    for rows in parts:
        own = [names.setdefault(name, len(names)) for name in rows.names]
        instruments.append(np.array(own, dtype=np.int32)[rows.instrument])
        codes = [priced_off.setdefault(one, len(priced_off)) for one in rows.underlying_indexes]
        indexes.append(np.array([*codes, -1], dtype=np.int32)[rows.underlying_index])
    at = np.concatenate([rows.at for rows in parts])
    order = np.argsort(at, kind="stable")
    columns = [np.concatenate([rows[place] for rows in parts])[order] for place in range(4, 13)]
    instrument, underlying_index = np.concatenate(instruments), np.concatenate(indexes)
    return Rows._make(
        (tuple(names), tuple(priced_off), at[order], instrument[order], *columns,
         underlying_index[order])
    )  # fmt: skip


def _first_snapshot(rows: Rows, plan: ReplayFile) -> int:
    """Find the first quote of an option: closes alone are no market yet."""
    options = np.array([contract_name(name) is not None for name in rows.names])[rows.instrument]
    if not options.any():
        raise ConfigurationError(
            f"chains.columns.instrument = {plan.chains.columns.instrument!r}: holds no name such "
            "as BTC-27MAR26-90000-C; name the column of instrument names"
        )
    return int(rows.at[np.argmax(options)])
