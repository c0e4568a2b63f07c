"""What is found wrong with data: a sentence each, sorted by the rule that it breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SHOWN = 10


@dataclass(frozen=True)
class Finding:
    """A sentence, the rule that it breaks, and whether numbers from such data would be wrong (``fatal``).

    `mtal data check` names every finding as a problem. A run refuses fatal ones and says the others.
    """

    rule: str
    text: str
    fatal: bool = True


class Problems:
    """Sentences by rule; of each rule the first ten are shown and the others counted."""

    def __init__(self) -> None:
        self._by_rule: dict[tuple[str, bool], list[str]] = {}

    def add(self, rule: str, sentence: str, fatal: bool = True) -> None:
        """Take note of one."""
        self._by_rule.setdefault((rule, fatal), []).append(sentence)

    def take(self, finding: Finding) -> None:
        """Take note of a finding."""
        self.add(finding.rule, finding.text, finding.fatal)

    def __len__(self) -> int:
        return sum(map(len, self._by_rule.values()))

    def __iter__(self) -> Iterator[Finding]:
        """All of them, rule by rule."""
        for (rule, fatal), sentences in self._by_rule.items():
            yield from (Finding(rule, sentence, fatal) for sentence in sentences)

    def lines(self, fatal: bool | None = None) -> tuple[str, ...]:
        """What to print: all, or only what is (or is not) fatal."""
        lines: list[str] = []
        for (_, grave), sentences in self._by_rule.items():
            if fatal is None or fatal == grave:
                lines += sentences[:SHOWN]
                if len(sentences) > SHOWN:
                    lines.append(f"... and {len(sentences) - SHOWN} more like these.")
        return tuple(lines)
