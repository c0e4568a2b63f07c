"""Parts of documents that commands write: all between a mark, which says what stands there, and its end."""

from __future__ import annotations

import re
from collections.abc import Callable

from benchmark.errors import UserError

END = "<!-- end of table -->"


def rewritten(text: str, mark: str, content: Callable[[re.Match[str]], str]) -> str:
    """A document with what stands below every such mark written anew, down to the mark of its end.

    ``mark`` is a pattern of what the comment says, and ``content`` is given its match. Raises UserError where
    the document has no such mark, or one without an end before the next mark.
    """
    parts, at = [], 0
    for found in re.finditer(rf"(?m)^<!-- {mark} -->\n", text):
        end = text.find(END, found.end())
        if end < 0 or "<!--" in text[found.end() : end]:
            raise _without(found[0].strip())
        parts += [text[at : found.end()], content(found), "\n"]
        at = end
    if not parts:
        raise _without(f"<!-- {mark} -->")
    return "".join([*parts, text[at:]])


def _without(mark: str) -> UserError:
    return UserError(f"The document must hold {mark} and, below it, {END}.")
