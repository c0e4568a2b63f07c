"""Studies made up for the page."""

import pytest

from benchmark.report.results.study import read_study


@pytest.fixture
def study(synthetic, tmp_path):
    def make(**changes):
        rows = synthetic.rows(**changes)
        return read_study(synthetic.write(tmp_path / "results", rows, changes.get("pool", 400)))

    return make
