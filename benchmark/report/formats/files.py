"""The files of a table: its numbers for machines, and the table for readers in every format."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.report.formats import latex, text
from benchmark.report.formats.table import Section, Table


def table_files(name: str, numbers: pd.DataFrame, tables: Sequence[Table]) -> dict[str, bytes]:
    """The numbers and one table a data set, by their path within the folder of the report."""
    return {
        f"tables/{name}.csv": as_csv(numbers),
        f"tables/{name}.md": text.markdown(tables).encode(),
        f"tables/{name}.tex": latex.document_part(tables).encode(),
    }


def list_files(name: str, sections: Sequence[Section]) -> dict[str, bytes]:
    """The same of lists, which have no numbers."""
    return {
        f"tables/{name}.md": text.markdown_lists(sections).encode(),
        f"tables/{name}.tex": latex.lists(sections).encode(),
    }


def as_csv(numbers: pd.DataFrame) -> bytes:
    """A table for machines: floats so that they read back as the same ones, missing values empty."""
    written: str = numbers.to_csv(index=False, lineterminator="\n")
    return written.encode()
