"""docs/study.md says what its published results say."""

import re
from pathlib import Path

import pytest

from benchmark.report import headline
from benchmark.report.evidence import evidence
from benchmark.report.load import read_results
from benchmark.share import unpacked

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("data", ["rooms", "rooms-longtail", "rooms-video"])
def test_the_tables_of_the_study_are_those_of_its_results(data):
    with unpacked(DOCS / "study" / f"{data}.zip") as folder:
        written = headline.render(read_results(folder))["tables/headline.md"].decode()
    rows = [line.split("|")[1:7] for line in written.splitlines() if line.startswith("| ")]
    assert len(rows) == 11
    lines = (DOCS / "study.md").read_text().splitlines()
    for *cells, detectable in rows:
        (said,) = [line.split("|")[6] for line in lines if line.startswith(f"|{'|'.join(cells)}|")][:1]
        numbers = re.fullmatch(r" ([\d.]+) \((\d+) %\) ", detectable)
        if numbers:  # its last digit depends on the version of SciPy
            of_document = re.fullmatch(r" ([\d.]+) \((\d+) %\) ", said)
            assert float(of_document[1]) == pytest.approx(float(numbers[1]), abs=0.0011)
            assert float(of_document[2]) == pytest.approx(float(numbers[2]), abs=1)
        else:
            assert said == detectable


@pytest.mark.parametrize("data", ["rooms", "rooms-longtail", "rooms-video", "camvid"])
def test_the_gap_to_full_data_is_that_of_its_results(data):
    with unpacked(DOCS / "study" / f"{data}.zip") as folder:
        gap = evidence(read_results(folder), data).gap
    text = " ".join((DOCS / "study.md").read_text().split())
    if data == "camvid":
        assert f"a gap to full data of {gap.mean:.3f}" in text
    else:
        interval = f"{gap.low:.3f} to {gap.high:.3f})"
        assert re.search(rf"{gap.mean:.3f} on `{data}` \((95 % interval )?{re.escape(interval)}", text)


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
