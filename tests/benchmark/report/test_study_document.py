"""docs/study.md says what its published results say."""

import re
from pathlib import Path

import pytest

from benchmark.report import headline
from benchmark.report.load import read_results
from benchmark.share import unpacked

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("data", ["rooms", "rooms-longtail", "rooms-video"])
def test_the_tables_of_the_study_are_those_of_its_results(data):
    with unpacked(DOCS / "study" / f"{data}.zip") as folder:
        written = headline.render(read_results(folder))["tables/headline.md"].decode()
    rows = [line.split("|")[1:6] for line in written.splitlines() if line.startswith("| ")]
    assert len(rows) == 11
    lines = (DOCS / "study.md").read_text().splitlines()
    for *cells, detectable in rows:
        (said,) = [line.split("|")[5] for line in lines if line.startswith(f"|{'|'.join(cells)}|")][:1]
        if re.fullmatch(r" [\d.]+ ", detectable):  # its last digit depends on the version of SciPy
            assert float(said) == pytest.approx(float(detectable), abs=0.0011)
        else:
            assert said == detectable


@pytest.mark.parametrize("data", ["rooms", "rooms-longtail"])
def test_so_are_those_of_the_method_s_choices(data):
    with unpacked(DOCS / "study" / f"dev-{data}.zip") as folder:
        written = headline.render(read_results(folder))["tables/headline.md"].decode()
    rows = [[cell.strip().replace("\\", "") for cell in line.split("|")] for line in written.splitlines()]
    differences = {row[1]: row[3] for row in rows if len(row) > 3 and row[1].startswith("consistency")}
    assert len(differences) in (11, 15)
    table = [line.split("|") for line in (DOCS / "study.md").read_text().splitlines() if "| `cons" in line]
    column = {"rooms": 2, "rooms-longtail": 3}[data]
    said = {row[1].strip(" `"): row[column].strip() for row in table if row[column].strip()}
    assert said == differences
