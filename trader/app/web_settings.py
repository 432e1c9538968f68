"""Where is the dashboard served, and to whom? The section `[web]`."""

from __future__ import annotations

import re
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from trader.web.access import is_loopback

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class WebSettings(BaseModel):
    """Where the dashboard, `/healthz` and `/metrics` are served, and to whom."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    token_file: str | None = Field(
        default=None,
        min_length=1,
        description="File with the token that commands and `/metrics` ask for, read again when it"
        " changes; unset: `web.token` is made in the state dir, for commands alone.",
    )
    tls_certificate: str | None = Field(
        default=None, min_length=1, description="Certificate chain (PEM) to serve HTTPS with."
    )
    tls_key: str | None = Field(
        default=None, min_length=1, description="Its private key (PEM), without a passphrase."
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        max_length=100,
        strict=False,
        description="Names, beside its own, by which a proxy or tunnel reaches it; others are"
        " refused. With any but this machine's, reading asks for the token too.",
    )
    private: bool = Field(
        default=False, description="Whether reading asks for the token on loopback as well."
    )
    socket: str | None = Field(
        default=None,
        min_length=1,
        description="Path of a unix socket (mode 0600) that serves the same; unset: none.",
    )
    requests_per_s: float = Field(
        default=500.0,
        ge=1,
        le=100_000,
        allow_inf_nan=False,
        description="Requests one client may make each second; twice as many at once.",
    )
    body_bytes_max: int = Field(
        default=16_384, ge=1_024, le=10_000_000, description="Largest body that is taken in."
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen at; beyond loopback with `token_file` and TLS only.",
    )
    port: int = Field(
        default=9467, ge=0, le=65_535, description="Port to listen at; 0 serves nothing."
    )
    progress_age_s_max: float = Field(
        default=30.0,
        gt=0,
        le=3_600,
        allow_inf_nan=False,
        description="Wall seconds without progress after which `/healthz` answers 503.",
    )

    @field_validator("host")
    @classmethod
    def _guarded_beyond_loopback(cls, host: str, info: ValidationInfo) -> str:
        needed = ("token_file", "tls_certificate", "tls_key")
        missing = [f"web.{name}" for name in needed if info.data.get(name) is None]
        if missing and not is_loopback(host):
            names = " and ".join(missing)
            raise ValueError(f"is reachable by others; name {names}, or use 127.0.0.1")
        return host

    @field_validator("hosts")
    @classmethod
    def _names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_HOST.fullmatch(name) for name in hosts):
            raise ValueError("holds what is no host name; write names like trader.example, no port")
        return hosts
