"""What one check of the machine found, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """A word, what was found and, unless it is ok, one sentence that says what to do."""

    word: Literal["ok", "warning", "problem"]
    check: str
    found: str
    advice: str = ""

    @property
    def text(self) -> str:
        """What was found, and what to do."""
        return self.found + (f". {self.advice}" if self.advice else "")


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings as ``mtal doctor --json`` gives them, and how many are no ``ok``."""
    words = [finding.word for finding in findings]
    checks = [{"check": f.check, "result": f.word, "found": f.found, "advice": f.advice} for f in findings]
    return {"problems": words.count("problem"), "warnings": words.count("warning"), "checks": checks}


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", check, found)


def warning(check: str, found: str, advice: str) -> Finding:
    """It works, and not as well as it could, or not for every study."""
    return Finding("warning", check, found, advice)


def problem(check: str, found: str, advice: str) -> Finding:
    """A run would fail, or could give wrong results."""
    return Finding("problem", check, found, advice)


def reason(error: BaseException) -> str:
    """The first line of an error's message, or its type."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
