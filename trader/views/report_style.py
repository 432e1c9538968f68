"""Which colors and sizes does a page have? Two palettes of one set of names, and the layout."""

from __future__ import annotations

from typing import Final

from trader.views.svg import FIGURE_CSS

LIGHT: Final = {
    "paper": "#ffffff", "panel": "#f5f7f9", "ink": "#1b1f24", "muted": "#535c66",
    "line": "#d5dbe1", "good": "#116329", "warn": "#7a4b00", "bad": "#b3151f",
    "c1": "#0a5cb8", "c2": "#a84b00", "c3": "#6b3fb5",
}  # fmt: skip
DARK: Final = {
    "paper": "#12161b", "panel": "#1a2027", "ink": "#e8ebee", "muted": "#a8b2bd",
    "line": "#37414b", "good": "#56cf79", "warn": "#e6b450", "bad": "#ff8a80",
    "c1": "#6fb5ff", "c2": "#ffb061", "c3": "#c3a2ff",
}  # fmt: skip
LAYOUT: Final = """
*{box-sizing:border-box}
html{font-size:clamp(15px,13px + .22vw,24px)}
body{margin:0;background:var(--paper);color:var(--ink);
font-family:system-ui,-apple-system,"Segoe UI",sans-serif;line-height:1.45}
main{max-width:max(76rem,72vw);margin:0 auto;padding:1rem clamp(.8rem,2vw,2rem) 4rem}
h1{font-size:1.5rem;line-height:1.2;margin:.4rem 0}
h2{font-size:1.2rem;line-height:1.25;margin:1.1rem 0 .4rem;padding-top:.5rem;
border-top:2px solid var(--line)}
h3{font-size:1rem;margin:1.4rem 0 .3rem}
p{margin:.4rem 0;max-width:88ch}
h1,h2,h3,p,li,figcaption{overflow-wrap:anywhere}
td{overflow-wrap:break-word}
.nb,td a{white-space:nowrap}
.notice{border-left:3px solid var(--warn);padding:.15rem 0 .15rem .6rem;margin:.3rem 0}
ul{margin:.4rem 0;padding-left:1.2rem}
li{margin:.25rem 0;max-width:88ch}
a{color:var(--c1)}
code{font-family:ui-monospace,monospace;font-size:.9em;background:var(--panel);
border:1px solid var(--line);border-radius:.25rem;padding:0 .25rem}
.muted,figcaption,caption{color:var(--muted)}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.5rem 0;font-size:.92rem}
caption{text-align:left;padding:.2rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .7rem .25rem 0;
border-bottom:1px solid var(--line)}
th{color:var(--muted);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td .fig{width:9.4rem;display:inline-block;vertical-align:top;margin-left:.5rem}
figure{margin:.6rem 0;max-width:29rem}
figcaption{font-size:.85rem;margin-top:.2rem}
figure.wide{max-width:58rem;grid-column:1/-1;overflow-x:auto}
figure.wide .fig{min-width:42rem}
.tables{display:flex;flex-wrap:wrap;gap:0 3rem}
.scroll{max-width:100%}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(22rem,100%),1fr));
gap:.4rem 1.6rem}
@media (max-width:44rem){
.tables{display:block}
.plain td:first-child,.plain th:first-child{position:sticky;left:0;background:var(--paper)}
.plain{font-size:.85rem}
table.stack,.stack tbody,.stack tr,.stack td{display:block;width:100%}
.stack thead{display:none}
.stack caption{display:block}
.stack tr{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;
margin:.5rem 0;padding:.3rem .6rem}
.stack td,.stack td.n{display:flex;justify-content:space-between;gap:1rem;border:0;
padding:.12rem 0;text-align:right;white-space:normal}
.stack td::before{content:attr(data-label);color:var(--muted);text-align:left;flex:none;
max-width:45%}
.stack td{overflow-wrap:anywhere}
.stack td.long{display:block;text-align:left}
.stack td.long::before{display:block;max-width:none}
.stack td:first-child{font-weight:600}
}
@media print{.part{break-inside:avoid}}
"""


def variables(palette: dict[str, str]) -> str:
    """Write a palette as the declarations of its variables."""
    return "".join(f"--{name}:{color};" for name, color in palette.items())


STYLE: Final = (
    f":root{{color-scheme:light dark;{variables(LIGHT)}}}\n"
    f"@media (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}{LAYOUT}{FIGURE_CSS}"
)
