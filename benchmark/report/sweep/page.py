"""The page of a sweep: its tables and its figure, and the way to the page of each variant."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from benchmark.report.formats.html import as_html
from benchmark.report.formats.table import Table
from benchmark.report.sweep.table import Found
from benchmark.words import printable

PAGE = "index.html"
STYLE = Path(__file__).parents[1] / "page" / "style.css"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(found: Found, tables: Sequence[Table], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The page by its path within the folder of the sweep; it holds all that it shows."""
    title = escape(printable(f"Sweep over {', '.join(found[0][0].settings)}"))
    links = "".join(_link(variant.folder, variant.label) for variant, _ in found)
    picture = base64.b64encode(files["figures/sweep.png"]).decode()
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:,"><style>{STYLE.read_text(encoding="utf-8")}</style></head>
<body><header><p class="kind">Active learning for multi-task dense prediction</p><h1>{title}</h1></header>
<main><h2>Variants</h2><ul>{links}</ul>
<h2>Total loss</h2><img alt="Total validation loss over labels, a panel a variant" style="max-width: 100%"
src="data:image/png;base64,{picture}">
<h2>Headline</h2>{"".join(map(as_html, tables))}
<p>As files: <a href="tables/sweep.csv">tables/sweep.csv</a>, .md, .tex; figures/sweep.pdf, .svg, .png.</p>
</main></body></html>
"""
    return {PAGE: page.encode()}


def _link(folder: str, label: str) -> str:
    return f'<li><a href="{quote(folder)}/{PAGE}">{escape(printable(label))}</a></li>'
