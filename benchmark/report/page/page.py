"""One HTML file that says all of a study, kept small enough to be sent and opened."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from benchmark.report.page.content import Content, gather, looks_of, numbers_of
from benchmark.report.page.gallery import choices, fitting
from benchmark.report.page.style_sheet import rules
from benchmark.report.results.load import FULL_DATA
from benchmark.report.results.study import Study
from benchmark.words import printable

PAGE = "index.html"
LIMIT = 5_000_000  # bytes
#: What the page is filled to: what pictures take is known a little less than exactly.
FULL = 4_900_000
#: What a page that is too large goes without, one after the other.
DISPENSABLE = {
    "numbers": "the tables under the curves of the tasks",
    "data": "the files to download",
    "panels": "the curves of the tasks",
    "matrices": "the matrices of strategies by strategies",
}


def render_page(study: Study, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The page as a file by its path within the folder of the report; ``files`` are the report's others.

    It holds all that it shows, is smaller than ``LIMIT`` and says what that cost. The same study gives the
    same bytes.
    """
    content, style = gather(study, files), _text("style.css") + rules(looks_of(study.results))
    without = _without(content, style)
    room = FULL - len(_html(content, style, without))
    return {PAGE: _html(_with_pictures(content, study, room), style, without)}


def _with_pictures(content: Content, study: Study, room: int) -> Content:
    """As many pictures as so many characters hold, the same number for every data set."""
    numbers, shared = numbers_of(study.results), room // max(len(content.chapters), 1)
    galleries = (fitting(*choices(study, one.dataset, numbers), shared) for one in content.chapters)
    chapters = [
        replace(one, gallery=gallery) for one, gallery in zip(content.chapters, galleries, strict=True)
    ]
    return replace(content, chapters=chapters)


def _without(content: Content, style: str) -> tuple[str, ...]:
    """What has to go for the page to fit."""
    keys = tuple(DISPENSABLE)
    tries = (keys[:count] for count in range(len(keys)))
    return next((one for one in tries if len(_html(content, style, one)) <= FULL), keys)


def _html(content: Content, style: str, without: Sequence[str]) -> bytes:
    script = _text("script.js")
    page = _environment().get_template("index.html")
    return page.render(
        content=content,
        without=without,
        left_out=[DISPENSABLE[key] for key in without],
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        numbers={name: mark.number for mark in content.marks for name in (mark.name, mark.label)},
        full_data=FULL_DATA,
        limit=f"{LIMIT / 1e6:g} MB",
    ).encode()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(name: str) -> Markup:
    """A name that is broken before its parameters and after a comma, and within words only if it must."""
    return Markup(re.sub(r"(?=\[)|(?<=,)", "<wbr>", str(escape(printable(name)))))  # noqa: S704 - escaped


def _shown(value: Any) -> Any:
    """Names come from anywhere: signs that turn text around or are none become one that says so."""
    is_markup = hasattr(value, "__html__")
    return printable(value) if isinstance(value, str) and not is_markup else value


def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a content security policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
