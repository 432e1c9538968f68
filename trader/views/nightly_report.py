"""What does a person read in the morning? One night as HTML, Markdown and JSON.

The same night gives the same bytes: no clock is read, nothing is drawn by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trader.evaluation.sample_size import stages_by_size
from trader.views import report_json
from trader.views import report_numbers as say
from trader.views.blocks import Page
from trader.views.report_front import ACCOUNT, anchor, front, notices
from trader.views.report_html import page_html
from trader.views.report_models import model_sections
from trader.views.report_quotes import quote_sections
from trader.views.report_strategy import chapter
from trader.views.report_text import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trader.evaluation.night import Night
    from trader.evaluation.sample_size import SizedStage

HTML: Final = "report.html"
TEXT: Final = "report.md"
JSON: Final = "report.json"


def render(night: Night) -> Mapping[str, str]:
    """Write the files of a night, by name."""
    sizes = {one.card.strategy: stages_by_size(one.card) for one in night.subjects}
    page = compose(night, sizes)
    return {
        HTML: page_html(page),
        TEXT: markdown(page),
        JSON: report_json.encode(night, sizes),
    }


def compose(night: Night, sizes: Mapping[str, tuple[SizedStage, ...]]) -> Page:
    """Put a night into sections; `sizes` by strategy."""
    chapters = (
        section
        for place, one in enumerate(night.subjects)
        for section in chapter(one, sizes.get(one.card.strategy, ()), anchor(place), night.ends_at)
    )
    market = f", market {night.market}" if night.market else ""
    return Page(
        title=f"Night of {night.date}",
        subtitle=(
            f"Everything known until {say.minute(night.ends_at)}. {night.profile.capitalize()}"
            f" profile{market}, trader {night.software}. Times are UTC. On paper: no real order."
        ),
        notices=notices(night),
        sections=(
            *front(night),
            *model_sections(night.models),
            *quote_sections(night.quotes),
            *chapters,
        ),
    )


def first_screen(text: str) -> str:
    """Cut `report.md` down to what changed, what needs a person, and where each strategy stands."""
    return text.partition(f"\n## {ACCOUNT}\n")[0]
