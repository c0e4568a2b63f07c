"""One strategy against another, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.api.study import load
from benchmark.report.compare import document, in_words, numbers, pairs
from benchmark.report.results.load import Results


def compare(strategy: str, against: str, *sources: str | Path) -> Comparison:
    """One strategy against another in a folder of results, a zip file of them, or several.

    Raises UserError for what cannot be read, and for a strategy that the results do not hold.

    Examples:
        >>> print(str(compare("entropy", "random", "docs/study/first/camvid.zip")).partition(":")[0])
        camvid
    """
    return load(*sources).compare(strategy, against)


def comparison_of(results: Results, strategy: str, against: str) -> Comparison:
    """The same of results that are read."""
    found = pairs(results, strategy, against)
    return Comparison(strategy, against, in_words(found), numbers(found), document(found))


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """The first strategy minus the second, paired by seed; below zero the first is better.

    ``text`` is what `mtal compare` prints. ``numbers`` has a row a data set: ``seeds`` that both have, the
    ``mean`` difference of NAUBC with its 95 % t interval ``low`` to ``high``, ``p`` of the paired t test and
    ``corrected`` among the comparisons of its family (NaN with too few seeds), the difference that could have
    been ``detectable``, and shares of the gap from random to full data. ``document`` is what `mtal compare
    --json` prints: all that ``text`` says, budget by budget too.
    """

    strategy: str
    against: str
    text: str
    numbers: pd.DataFrame
    document: dict[str, Any]

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<pre style="white-space: pre-wrap">{escape(self.text)}</pre>'
