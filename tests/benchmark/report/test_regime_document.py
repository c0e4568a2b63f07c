"""docs/regime.md says what the published results of its runs say."""

import json
import re

import pytest
from click.testing import CliRunner
from published import DOCS, judged, one_line, published

from benchmark.authoring.study_tables import rows as marked
from benchmark.cli.main import cli
from benchmark.report.results.archives import unpacked
from benchmark.report.results.load import read_results
from benchmark.report.tables import loss_table

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


def test_the_table_of_nyud_is_that_of_its_results():
    with unpacked(DOCS / "study" / "nyud-cpu.zip") as folder:
        written = loss_table.render(read_results(folder))["tables/loss_vs_labels.md"].decode()
    rows = [line for line in written.splitlines() if line.startswith("| ")]
    assert len(rows) == 6
    assert [row for row in rows if row not in (DOCS / "regime.md").read_text()] == []


@pytest.mark.parametrize(
    ("archive", "data", "preset", "criteria"),
    [
        ("pilot-rooms-video", "rooms-video", "standard", [True] * 6),
        ("pilot-camvid", "camvid", "quick", [True] * 6),
        ("gate-folder-standard", "camvid", "standard", [True, True, True, True, False, True]),
    ],
)
def test_the_table_of_a_gate_is_what_its_archive_says(archive, data, preset, criteria):
    met, text = judged(published(f"{archive}.zip"), data)
    assert met == criteria
    text = re.sub(r" \((%|°)\)|°", "", text)
    command = rf"`mtal gate --dataset \S*{data}\S* [^`]*--preset {preset}[^`]*`"
    table = re.search(rf"{command}[^|`]*\n\n((?:\|.*\n)+)", (DOCS / "regime.md").read_text())
    labels, _, _, falls, spread, budgets = (row.split("|")[3].strip() for row in table[1].splitlines()[2:])
    assert all(change in text for change in labels.replace("°", "").split("; "))
    assert falls in text
    found = re.search(r"deviation ([\d.]+) over 3 seeds, gap ([\d.]+): ([\d.]+) %", text).groups()
    said = re.fullmatch(r"([\d.]+) over 3 seeds, gap ([\d.]+): ([\d.]+) %", spread).groups()
    assert [float(number) for number in said] == pytest.approx([float(n) for n in found], rel=5e-3)
    assert all(loss in text for loss in re.findall(r"\d\.\d+", budgets))


def test_what_is_said_of_rare_classes_is_what_the_results_say():
    with unpacked(DOCS / "study" / "controls-rooms-longtail.zip") as folder:
        rows = read_results(folder).table
    rare = rows[(rows["metric"] == "miou_rare") & (rows["labelled"] == 160)]
    means = rare.groupby("strategy")["value"].mean()
    text = one_line("regime.md")
    random = means[[name for name in means.index if name.startswith("random")]].mean()
    assert (
        f"{means['known-classes']:.1f} % with 160 labels chosen for them, {random:.2f}".replace("0.", ".")
        in text
    )


def test_what_scores_are_worth_is_what_the_table_says():
    heads, _, *table = (
        row.split("|")[1:-1] for row in marked(DOCS, "study/usefulness-rooms.zip", "usefulness")
    )
    cells = {name.strip(): [cell.split() for cell in row] for name, *row in table}
    said, names = one_line("regime.md"), [head.strip() for head in heads[1:]]

    def cell(strategy, head):
        return cells[strategy][names.index(head)]

    for strategy in ("entropy", "inconsistency"):
        mean, _, half = cell(strategy, "with loss")
        assert f"{float(mean):.2f} ± {half}".replace("0.", ".") in said
    mean, _, half = cell("true-loss", "fifth 5")
    assert f"the same holds ({mean} ± {half} %)" in said
    high, low = (cell("inconsistency", fifth) for fifth in ("fifth 5", "fifth 1"))
    halves = f"neither beyond chance (± {high[2]} and {low[2]})"
    assert f"worth {high[0]} % of the gap, its lowest {low[0]} %, {halves}" in said
    fifths = {(name, head): cell(name, head) for name in cells for head in names if head.startswith("fifth")}
    beyond = [place for place, (mean, _, half) in fifths.items() if abs(float(mean)) > float(half)]
    assert len(fifths) == 15
    assert beyond == [("entropy", "fifth 4")]
    mean, _, half = fifths["entropy", "fifth 4"]
    assert f"(the fourth of `entropy`, {mean} ± {half})" in said
    assert f"its highest fifth is worth {fifths['entropy', 'fifth 5'][0]} % of the gap" in said


def test_what_inconsistency_is_worth_on_nyud_is_what_the_archive_says():
    heads, _, (_, *row) = (
        row.split("|")[1:-1] for row in marked(DOCS, "study/usefulness-nyud.zip", "usefulness")
    )
    cells = {head.strip(): cell.split() for head, cell in zip(heads[1:], row, strict=True)}
    halves = [float(half) for head, (_, _, half) in cells.items() if head.startswith("fifth")]
    assert len(halves) == 5
    assert min(halves) > 30, "a third of the gap, about"
    for head, (mean, _, half) in cells.items():
        assert abs(float(mean)) < float(half), head
    said = one_line("regime.md")
    assert "no lower than the others ({} ± {} %)".format(*cells["fifth 5"][::2]) in said
    mean, half = cells["with loss"][::2]
    assert f"({float(mean):.2f} ± {half} over three seeds)".replace("0.", ".") in said
