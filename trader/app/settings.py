"""What can be configured? Every section with its limits and defaults; `layers` says who set what.

Defaults <- TOML files (`--config`) <- environment (`TRADER_SECTION__KEY`) <- `--set section.key=v`.
Relative paths are relative to the folder of the file that names them (elsewhere: to the working
directory). Where nothing names a state directory it is `$XDG_STATE_HOME/trader`, which falls back
to `~/.local/state/trader`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from trader.app.night_settings import NightSettings
from trader.app.notification_settings import NotificationSettings
from trader.app.web_settings import WebSettings
from trader.behavior.settings import BehaviorSettings
from trader.deribit.client import ClientSettings
from trader.domain.instruments import INVERSE_COINS
from trader.domain.units import normalize_underlying
from trader.engine.engine import EngineSettings
from trader.engine.paper_broker import BrokerSettings
from trader.engine.stages import StageSettings
from trader.evaluation.approval_settings import ApprovalSettings
from trader.pricing.board_quotes import CalibrationSettings
from trader.pricing.ensemble import EnsembleSettings
from trader.risk.limits import RiskSettings
from trader.storage.market_store import RecorderSettings
from trader.strategies.strategy import COINS

if TYPE_CHECKING:
    from trader.app.layers import Layers

LogFormat = Literal["console", "json"]
SIMULATED: Final = "simulated"
FEED_URLS: Final = {
    "deribit": "wss://www.deribit.com/ws/api/v2",
    "deribit-test": "wss://test.deribit.com/ws/api/v2",
}
_INSTRUMENT: Final = re.compile(r"[A-Z0-9_]+-[A-Za-z0-9-]+")
BUNDLED_UNDERLYINGS: Final = ("BTC", "ETH", "SOL", "XRP", "ADA", "AVAX")
HANDED_IN: Final = "layers"
"""Under this name `Settings.of` hands its layers to the hook that names the sources."""


def websocket_url(url: str) -> str:
    """Accept `ws://` and `wss://` addresses with a host."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("is no websocket URL; write ws://host:port/path or wss://host/path")
    return url


def coins_listed(source: object) -> tuple[str, ...]:
    """List the coins that can be watched at a source."""
    return BUNDLED_UNDERLYINGS if source == SIMULATED else COINS


Positive = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
WebsocketUrl = Annotated[str, AfterValidator(websocket_url)]


class Section(BaseModel):
    """A table of the configuration: closed (an unknown key is a mistake), strict and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FeedSettings(Section):
    """Where ticks come from."""

    source: str = Field(
        default=SIMULATED,
        description="`simulated` (bundled exchange), `deribit`, `deribit-test` or a ws(s) URL.",
    )
    url: WebsocketUrl = Field(
        default="ws://127.0.0.1:8765/ws/api/v2", description="Address of the bundled exchange."
    )
    underlyings: tuple[str, ...] = Field(
        default=INVERSE_COINS,
        min_length=1,
        strict=False,  # TOML has lists, we keep tuples
        description="Coins that are watched: boards of BTC and ETH, perpetuals in USDC of others.",
    )
    linear: bool = Field(
        default=False,
        description="Whether contracts in USDC and spot pairs of BTC and ETH are watched too.",
    )
    expiries_within_days: float = Field(
        default=35.0,
        gt=0,
        le=1_000,
        allow_inf_nan=False,
        description="Options that expire later are not watched.",
    )
    books: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        strict=False,
        description="Instruments whose order books are followed in full depth.",
    )
    credentials_file: str | None = Field(
        default=None,
        min_length=1,
        description="File with client id and secret, which `raw` order books need; read rights do.",
    )
    client: ClientSettings = Field(default_factory=ClientSettings, description="The connection.")

    @field_validator("source")
    @classmethod
    def _known_source(cls, source: str) -> str:
        if source == SIMULATED or source in FEED_URLS:
            return source
        try:
            return websocket_url(source)
        except ValueError:
            known = ", ".join((SIMULATED, *FEED_URLS))
            raise ValueError(f"is no feed; choose one of {known} or a ws(s):// URL") from None

    @field_validator("books")
    @classmethod
    def _names(cls, books: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name.strip() for name in books)
        if len(set(names)) != len(names) or not all(_INSTRUMENT.fullmatch(name) for name in names):
            raise ValueError(
                "names no instrument, or one twice; write names like BTC-PERPETUAL, each once"
            )
        return names

    @field_validator("underlyings")
    @classmethod
    def _distinct(cls, underlyings: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        names = tuple(normalize_underlying(name) for name in underlyings)
        known = coins_listed(info.data.get("source"))
        if not set(names) <= set(known) or len(set(names)) != len(names):
            choice = ", ".join(known)
            raise ValueError(f"names an unknown coin or one twice; choose from {choice}, each once")
        return names

    @property
    def endpoint(self) -> str:
        """The address to connect to."""
        if self.source == SIMULATED:
            return self.url
        return FEED_URLS.get(self.source, self.source)


class AccountSettings(Section):
    """What the paper account starts with; naming any balance replaces all the defaults."""

    balances: dict[str, Positive] = Field(
        default_factory=lambda: {"BTC": 20.0, "ETH": 300.0, "USDC": 1_000_000.0},
        min_length=1,
        description="Starting balance of each currency: BTC, ETH, USDC.",
    )

    @field_validator("balances")
    @classmethod
    def _known_currencies(cls, balances: dict[str, float]) -> dict[str, float]:
        known = (*INVERSE_COINS, "USDC")
        for currency in balances:
            if currency not in known:
                raise ValueError(f"unknown currency {currency}; choose from {', '.join(known)}")
        return balances


class JournalSettings(Section):
    """Where facts are kept."""

    state_dir: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of journal, log, socket and lock; unset: `$XDG_STATE_HOME/trader`.",
    )
    url: str | None = Field(
        default=None,
        description="Database URL of the journal; unset: SQLite in the state directory.",
    )

    @field_validator("url")
    @classmethod
    def _sqlite_url(cls, url: str | None) -> str | None:
        if url is not None and not (url.startswith("sqlite:///") and len(url) > len("sqlite:///")):
            raise ValueError("is no journal URL; write sqlite:///path/to/journal.sqlite")
        return url


class LogSettings(Section):
    """Where log lines go, and how they look there."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lines below this level are not written."
    )
    format: LogFormat = Field(
        default="console", description="Lines on stdout: `console` for people, `json` for machines."
    )
    file: bool = Field(
        default=True, description="Whether lines also go to `trader.log` in the state dir."
    )
    file_format: LogFormat = Field(default="json", description="Lines in the file.")
    rotate_mb: float = Field(
        default=20.0,
        gt=0,
        le=10_000,
        allow_inf_nan=False,
        description="The file is rotated at this size.",
    )
    rotate_files: int = Field(default=5, ge=1, le=1_000, description="Rotated files that are kept.")


ASSUMED: Final = {
    "BTC": (100_000.0, 0.45), "ETH": (3_500.0, 0.65), "SOL": (180.0, 0.8), "XRP": (2.4, 0.8),
    "ADA": (0.8, 0.9), "AVAX": (30.0, 0.9), "BCH": (500.0, 0.8), "DOGE": (0.2, 0.9),
    "DOT": (4.0, 0.9), "LINK": (20.0, 0.9), "LTC": (100.0, 0.8), "NEAR": (3.0, 1.0),
}  # fmt: skip
"""Index in USD and volatility a year, by coin."""


class AssumptionSettings(Section):
    """The market `config check` assumes when it asks whether a strategy can ever trade."""

    index: dict[str, Positive] = Field(
        default_factory=lambda: {coin: index for coin, (index, _) in ASSUMED.items()},
        description="Assumed index in USD.",
    )
    iv: dict[str, Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]] = Field(
        default_factory=lambda: {coin: iv for coin, (_, iv) in ASSUMED.items()},
        description="Assumed implied volatility, a fraction per year.",
    )


class Settings(BaseSettings):
    """Everything that can be configured, apart from the strategies' own files.

    Invariant: nothing is read that was not named: `Settings()` is the defaults, `Settings.of`
    what layers say.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, strict=True, case_sensitive=True)

    strategies: tuple[str, ...] = Field(
        default=("strategies",),
        strict=False,  # TOML has lists, we keep tuples
        description="Strategy files, or folders of them; relative to the file that names them.",
    )
    stage_floor: Literal["PILOT"] | None = Field(
        default=None, description="Stage below which none falls; only on the bundled exchange."
    )
    feed: FeedSettings = Field(default_factory=FeedSettings, description="[feed]")
    account: AccountSettings = Field(default_factory=AccountSettings, description="[account]")
    risk: RiskSettings = Field(default_factory=RiskSettings, description="[risk]")
    behavior: BehaviorSettings = Field(default_factory=BehaviorSettings, description="[behavior]")
    broker: BrokerSettings = Field(default_factory=BrokerSettings, description="[broker]")
    engine: EngineSettings = Field(default_factory=EngineSettings, description="[engine]")
    stages: StageSettings = Field(default_factory=StageSettings, description="[stages]")
    ensemble: EnsembleSettings = Field(default_factory=EnsembleSettings, description="[ensemble]")
    calibration: CalibrationSettings = Field(
        default_factory=CalibrationSettings, description="[calibration]"
    )
    approval: ApprovalSettings = Field(default_factory=ApprovalSettings, description="[approval]")
    nightly: NightSettings = Field(default_factory=NightSettings, description="[nightly]")
    journal: JournalSettings = Field(default_factory=JournalSettings, description="[journal]")
    recorder: RecorderSettings = Field(default_factory=RecorderSettings, description="[recorder]")
    log: LogSettings = Field(default_factory=LogSettings, description="[log]")
    web: WebSettings = Field(default_factory=WebSettings, description="[web]")
    notifications: NotificationSettings = Field(
        default_factory=NotificationSettings, description="[notifications]"
    )
    assumptions: AssumptionSettings = Field(
        default_factory=AssumptionSettings, description="[assumptions]"
    )

    @field_validator("strategies", mode="before")
    @classmethod
    def _one_or_more(cls, strategies: object) -> object:
        return (strategies,) if isinstance(strategies, str) else strategies

    @classmethod
    def of(cls, layers: Layers) -> Settings:
        """Let pydantic-settings merge the layers and check every value by itself.

        Raises:
            ValidationError: with every value that is wrong.
        """
        return cls.model_validate({HANDED_IN: layers})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the layers handed in; neither environment nor files are read unasked."""
        del env_settings, dotenv_settings, file_secret_settings
        given = init_settings.init_kwargs if isinstance(init_settings, InitSettingsSource) else {}
        layers: Layers | None = given.get(HANDED_IN)
        return (init_settings,) if layers is None else layers.sources(settings_cls)
