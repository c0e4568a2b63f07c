"""Parts of documents that commands write: all between a mark, which says what stands there, and its end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from benchmark.errors import UserError

END = "<!-- end of table -->"


def marks(text: str, mark: str) -> Iterator[re.Match[str]]:
    """The marks of a document, each in a line of its own; ``mark`` is a pattern of what the comment says."""
    return re.finditer(rf"(?m)^<!-- {mark} -->\n", text)


def rewritten(text: str, mark: str, content: Callable[[re.Match[str]], str]) -> str:
    """A document with what stands below every such mark written anew, down to the mark of its end.

    ``content`` is given the match of a mark. Raises UserError where
    the document has no such mark, or one without an end before the next mark.
    """
    parts, at = [], 0
    for found in marks(text, mark):
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
