"""docs/regime.md says of its controls what their published results say."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.cli.main import cli

DOCS = Path(__file__).parents[3] / "docs"
NUMBER = r"([-+][\d.]+)"
ROW = re.compile(
    rf"\| `(?P<name>[^`]+)` \| {NUMBER} \({NUMBER} to {NUMBER}\) \| {NUMBER} % \({NUMBER} to {NUMBER}\) \|"
)
HEAD = re.compile(r"\| (controls-[a-z-]+) \| NAUBC minus random's \| share of the gap \|\n.*\n((?:\|.*\n)+)")


def rows():
    for archive, lines in HEAD.findall((DOCS / "regime.md").read_text()):
        for line in lines.splitlines():
            found = ROW.fullmatch(line)
            assert found, line
            yield archive, found["name"], [float(number) for number in found.groups()[1:]]


@pytest.mark.parametrize(
    ("archive", "name", "said"), [pytest.param(*row, id=f"{row[0]}-{row[1]}") for row in rows()]
)
def test_the_controls_are_those_of_their_results(archive, name, said):
    file = DOCS / "study" / f"{archive}.zip"
    ended = CliRunner().invoke(cli, ["compare", name, "random", str(file), "--json"])
    assert ended.exit_code == 0, ended.output
    (found,) = json.loads(ended.stdout)["datasets"]
    losses = [found["mean"], found["low"], found["high"]]
    shares = [100 * found[f"share_of_gap_{each}"] for each in ("mean", "low", "high")]
    assert said == pytest.approx([*losses, *shares], abs=0.51)
    assert said[:3] == pytest.approx(losses, abs=0.00051)
