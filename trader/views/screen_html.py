"""How does a page of the dashboard look? A shell with navigation around a report's blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from trader.domain.units import iso
from trader.views.answers.asking import PREFIX
from trader.views.report_html import rich, section_html
from trader.views.report_style import DARK, LAYOUT, LIGHT, variables
from trader.views.svg import FIGURE_CSS, escape

if TYPE_CHECKING:
    from trader.views.blocks import Page
    from trader.views.reading import Pulse

NAVIGATION: Final = (
    ("/", "Overview"),
    ("/strategies", "Strategies"),
    ("/chains", "Chains"),
    ("/verdicts", "Verdicts"),
    ("/board", "Board"),
    ("/models", "Models"),
    ("/behavior", "Behavior"),
    ("/nights", "Nightly reports"),
    ("/log", "Log"),
    ("/system", "System"),
)
SHELL: Final = """
.skip{position:absolute;left:-99rem;z-index:3}.skip:focus{left:0;background:var(--paper);
padding:.5rem}
header{border-bottom:1px solid var(--line);background:var(--panel)}
header>div,main,footer{max-width:max(76rem,80vw);margin:0 auto}
header>div{padding:.35rem clamp(.8rem,2vw,2rem)}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;list-style:none;margin:0;padding:0}
nav li{margin:0}
nav a{display:inline-block;padding:.25rem 0;text-decoration:none}
nav a:hover{text-decoration:underline}
nav a[aria-current]{color:var(--ink);font-weight:600;border-bottom:2px solid var(--c1)}
.pulse{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;font-size:.85rem;margin:.15rem 0;
max-width:none;font-variant-numeric:tabular-nums}
h1{overflow-wrap:anywhere}
h2:first-child{margin-top:.6rem}
time{white-space:nowrap}
@media (min-width:44rem){.scroll.fits{overflow:visible}}
.scroll[data-stream]{overflow:auto;max-height:max(85vh,24rem)}
.notice.good{border-color:var(--good)}.notice.bad{border-color:var(--bad)}
[data-stream] table{font-size:.86rem;table-layout:fixed;width:max(100%,62rem);max-width:80rem}
[data-stream] th{white-space:normal;vertical-align:bottom}
[data-stream] tr{height:1.75rem}
[data-stream] :is(th,td){padding-right:.5rem}
thead th{position:sticky;top:0;z-index:1;background:var(--paper);
box-shadow:inset 0 -1px var(--line)}
tbody tr:hover{background:var(--panel)}
.chapter:has([data-stream]){content-visibility:auto;contain-intrinsic-size:auto 60rem}
:is(p,li,dd,td:not(.n)).warn::before{content:"! "}
:is(p,li,dd,td:not(.n)).bad::before{content:"!! "}
:is(td,dd):empty::before{content:none}
td.stale{color:var(--muted)}td.stale::before{content:"~"}
.stale main{opacity:.72}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;margin:.5rem 0}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere;max-width:88ch}
.control{margin:.5rem 0;border:1px solid var(--line);border-radius:.4rem;padding:.3rem .7rem;
max-width:44rem}
details:not([open])>:not(summary){display:none}
.control summary{cursor:pointer;color:var(--c1)}
.control label{display:block;margin:.4rem 0}
input,select{font:inherit;padding:.3rem;color:var(--ink);background:var(--paper);
border:1px solid var(--muted);border-radius:.3rem;max-width:100%;min-height:2.2rem}
.control input{display:block;width:min(28rem,100%)}
.filter{display:flex;flex-wrap:wrap;gap:.4rem 1rem;align-items:end;margin:.5rem 0}
.filter label{display:grid;color:var(--muted);font-size:.85rem;gap:.1rem;min-width:0}
.control .tick input{display:inline;width:auto;min-height:0;margin-right:.4rem}
button{font:inherit;padding:.35rem .9rem;color:var(--paper);background:var(--c1);
border:1px solid var(--c1);border-radius:.3rem;cursor:pointer}
:focus-visible{outline:2px solid var(--c1);outline-offset:2px}
#told{max-width:max(76rem,80vw);margin:0 auto;padding:0 clamp(.8rem,2vw,2rem)}
form.inline{display:inline}form.inline button{padding:.1rem .5rem}
#main:focus{outline:0}
#banner{position:sticky;top:0;z-index:4;padding:.3rem .8rem;background:var(--bad);
color:var(--paper)}
#banner[hidden]{display:none}
footer{padding:1rem clamp(.8rem,2vw,2rem);color:var(--muted);font-size:.85rem}
@media (max-width:44rem){
dl{grid-template-columns:1fr}dd{margin:0 0 .3rem}
nav ul{flex-wrap:nowrap;overflow-x:auto;gap:0 1rem;scrollbar-width:thin}
nav a{white-space:nowrap;padding:.45rem 0}
.plain th:first-child{z-index:2}
.stack caption{display:block}
.stack td.warn::before,.stack td.bad::before{content:attr(data-label) " (!)"}
tbody tr:hover .plain td:first-child{background:var(--panel)}
}
@media (min-width:44.01rem){td a{white-space:nowrap}.stack td:first-child>time{white-space:nowrap}}
@media (prefers-reduced-motion:no-preference){
.control[open] summary~*{animation:appear .15s ease-out}
@keyframes appear{from{opacity:0}to{opacity:1}}
}
"""
STYLE: Final = (
    f":root{{color-scheme:light dark;{variables(LIGHT)}}}\n"
    f"@media (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}{LAYOUT}{FIGURE_CSS}{SHELL}"
)
"""The one stylesheet of the dashboard."""


EVENTS: Final = f' data-events="{PREFIX}/stream"'
"""Where the script of a page hears what happens."""
TOLD: Final = '<div id="told" role="status"></div>'
"""Where a page tells what became of the last command; the same for all until somebody gives one."""
SIGN_IN_LINK: Final = '<a href="/sign-in">Sign in to give commands</a>'


class Site(msgspec.Struct, frozen=True):
    """What every page says beside its own: where it stands, and how the daemon is.

    A page that stands `still` is for one person's one request: nothing asks for it again.
    """

    path: str
    pulse: Pulse
    tag: str
    """The version of script and stylesheet: it changes when they do."""
    still: bool = False


def screen_html(page: Page, site: Site) -> str:
    """Write a page of the dashboard."""
    body = "\n".join(section_html(section) for section in page.sections)
    notices = "\n".join(
        f'<p class="notice {one.tone}">{rich(one.text)}</p>' for one in page.notices
    )
    fresh = '<noscript><meta http-equiv="refresh" content="15"></noscript>\n'
    script = f'<script src="/static/live.js?{site.tag}" defer></script>\n'
    return (
        f'<!doctype html>\n<html lang="en"{"" if site.still else EVENTS}>\n'
        '<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"{'' if site.still else fresh}"
        f"<title>{escape(page.title)} · trader</title>\n"
        '<link rel="icon" href="data:,">\n'
        f'<link rel="stylesheet" href="/static/style.css?{site.tag}">\n'
        f"{'' if site.still else script}</head>\n<body>\n"
        '<a class="skip" href="#main">Skip to the page</a>\n'
        '<div id="banner" role="status" hidden></div>\n'
        f"<header><div>{_navigation(site.path)}{pulse_html(site.pulse)}</div></header>\n"
        f"{TOLD}\n"
        f'<main id="main" tabindex="-1">\n<h1>{escape(page.title)}</h1>\n'
        f'<p class="muted">{rich(page.subtitle)}</p>\n{notices}\n{body}\n</main>\n'
        f"<footer>trader {escape(site.pulse.software)}, paper trading only: it places no real"
        f" order. Times are UTC. {SIGN_IN_LINK}</footer>\n</body>\n</html>\n"
    )


def pulse_html(pulse: Pulse) -> str:
    """Write the line about the daemon that stands on every page."""
    problems = "; ".join(pulse.problems)
    state = f'<span class="bad">{escape(problems)}</span>' if problems else "healthy"
    trading = "trading on paper" if pulse.trading else "not trading yet"
    market = iso(pulse.at) if pulse.at else "unknown"
    return (
        f'<p class="pulse" id="pulse"><span>{trading}</span><span>{state}</span>'
        f"<span>market time {_instant(market)} at {pulse.speed:g}x</span></p>"
    )


def _instant(text: str) -> str:
    """Set the one time that the keyboard reaches: a browser tells it in local time too."""
    if not text[:1].isdigit():
        return escape(text)
    whole = escape(f"{text[:19]}Z")
    return f'<time datetime="{whole}" tabindex="0">{whole}</time>'


def _navigation(path: str) -> str:
    """List the pages; the one that is shown, or the one above it, is marked."""
    links = "".join(
        f'<li><a href="{target}"{_current(target, path)}>{name}</a></li>'
        for target, name in NAVIGATION
    )
    return f'<nav aria-label="Pages"><ul>{links}</ul></nav>'


def _current(target: str, path: str) -> str:
    inside = path == target or (target != "/" and path.startswith(f"{target}/"))
    return ' aria-current="page"' if inside else ""
