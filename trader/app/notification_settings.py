"""Who is told of what, how often? The section `[notifications]`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from trader.views.notices import KINDS, NoticeKind


class NotificationSettings(BaseModel):
    """What is told to people who are not looking (extra `notify`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    urls_file: str | None = Field(
        default=None,
        min_length=1,
        description="File with an apprise address on each line (a secret); unset: nobody is told.",
    )
    kinds: tuple[NoticeKind, ...] = Field(
        default=KINDS,
        min_length=1,
        strict=False,
        description="What is told: demotion, refusals, feed_loss, settlement, failed_night, halt.",
    )
    per_hour: int = Field(
        default=6, ge=1, le=1_000, description="Notices of one kind within an hour; others wait."
    )
    queue_max: int = Field(
        default=100, ge=1, le=10_000, description="Notices that may wait to be sent."
    )
    timeout_s: float = Field(
        default=10.0, gt=0, le=300, allow_inf_nan=False, description="How long a service may take."
    )
    refusals: int = Field(
        default=10, ge=2, le=10_000, description="Refusals of one strategy that make a burst."
    )
    refusal_minutes: float = Field(
        default=60.0, gt=0, le=10_080, allow_inf_nan=False, description="Market minutes of a burst."
    )
