"""docs/first-study.md says what its published results say."""

import re
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from published import DOCS, RARE, one_line, published, spreads

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.report.results.archives import unpacked
from benchmark.report.results.load import read_results
from benchmark.report.results.study import read_study
from benchmark.report.selections.chosen_labels import DISTANCE
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.study_protocol import protocol
from benchmark.report.tables import headline_table
from benchmark.report.tables.costs import STAGES
from benchmark.report.validity.measured_noise import measured

STUDIES = ("rooms", "rooms-longtail", "rooms-video", "camvid", "dev-rooms", "dev-rooms-longtail")


def said():
    return one_line("first-study.md")


def study_of(name):
    return published(f"first/{name}.zip")


@pytest.mark.parametrize("data", ["rooms", "rooms-longtail", "rooms-video"])
def test_the_tables_of_the_study_are_those_of_its_results(data):
    with unpacked(DOCS / "study" / "first" / f"{data}.zip") as folder:
        written = headline_table.render(read_results(folder))["tables/headline.md"].decode()
    rows = [line.split("|")[1:7] for line in written.splitlines() if line.startswith("| ")]
    assert len(rows) == 11
    lines = (DOCS / "first-study.md").read_text().splitlines()
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
    with unpacked(DOCS / "study" / "first" / f"{data}.zip") as folder:
        gap = evidence(read_results(folder), data).gap
    text = " ".join((DOCS / "first-study.md").read_text().split())
    if data == "camvid":
        assert f"a gap to full data of {gap.mean:.3f}" in text
    else:
        interval = f"{gap.low:.3f} to {gap.high:.3f})"
        assert re.search(rf"{gap.mean:.3f} on `{data}` \((95 % interval )?{re.escape(interval)}", text)


@pytest.mark.parametrize("data", ["rooms", "rooms-longtail"])
def test_so_are_those_of_the_method_s_choices(data):
    with unpacked(DOCS / "study" / "first" / f"dev-{data}.zip") as folder:
        written = headline_table.render(read_results(folder))["tables/headline.md"].decode()
    rows = [[cell.strip().replace("\\", "") for cell in line.split("|")] for line in written.splitlines()]
    differences = {row[1]: row[3] for row in rows if len(row) > 3 and row[1].startswith("consistency")}
    assert len(differences) in (11, 15)
    section = (DOCS / "first-study.md").read_text().split("\n## 3. ")[1].split("\n## ")[0]
    table = [line.split("|") for line in section.splitlines() if "| `cons" in line]
    column = {"rooms": 2, "rooms-longtail": 3}[data]
    said = {row[1].strip(" `"): row[column].strip() for row in table if row[column].strip()}
    assert said == differences


def noise_table(preset):
    """The rows of a preset in the document's table of the noise floor: labelled, mean, deviation, gain."""
    text = (DOCS / "first-study.md").read_text()
    rows = [
        line.split("|")[1:-1]
        for line in text[: text.index("In `quick` the spread")].splitlines()
        if "| " in line
    ]
    begin = next(number for number, row in enumerate(rows) if row[0].strip() == preset)
    return [[cell.strip() for cell in row[1:]] for row in rows[begin : begin + 4]]


@pytest.mark.parametrize(("preset", "pool"), [("quick", 100), ("standard", 400)])
def test_the_noise_floor_is_that_of_its_trainings(preset, pool):
    with unpacked(DOCS / "study" / "first" / f"noise-{preset}.zip") as folder:
        found = measured(read_study(folder), "rooms").floors
    gains = ["", *(f"{before.mean - floor.mean:.3f}" for before, floor in pairwise(found))]
    expected = [
        [
            f"{100 * floor.labelled / pool:.3g} % ({floor.labelled})",
            f"{floor.mean:.3f}",
            f"{floor.deviation:.3f} ({floor.low:.3f} to {floor.high:.3f})",
            gain,
        ]
        for floor, gain in zip(found, gains, strict=True)
    ]
    assert noise_table(preset) == expected


def test_what_is_said_of_the_noise_follows_from_it():
    with unpacked(DOCS / "study" / "first" / "noise-standard.zip") as folder:
        found = measured(read_study(folder), "rooms").floors
    gains = [(before.mean - floor.mean) / floor.deviation for before, floor in pairwise(found)]
    assert f"gain {gains[0]:.0f} and {gains[1]:.0f} times their deviation" in said()
    assert f"the last step gains {gains[2]:.1f} times" in said()
    budgets = [floor.labelled for floor in found]
    weights = np.array([np.trapezoid(row, budgets) for row in np.eye(4)]) / (budgets[-1] - budgets[0])
    own = (weights * [floor.deviation for floor in found])[1:]  # the first network is shared
    assert f"has a standard deviation of {np.sqrt(2 * (own**2).sum()):.2f} from the training alone" in said()


def test_the_walks_that_selections_cover_are_those_of_the_selected_ids():
    covered = defaultdict(list)
    for done in study_of("rooms-video").rounds:
        if done.strategy != "full-data" and len(done.labelled) == 80:
            covered[done.strategy].append(len({image.rpartition("-")[0] for image in done.labelled}))
    of = {name: f"{np.mean(walks):.1f}" for name, walks in covered.items()}
    assert set(map(len, covered.values())) == {5}
    assert f"are {of['core-set']} for core-set, {of['consistency-diversity']} for the method, " in said()
    assert f"{of['random']} for random, {of['entropy']} for entropy and {of['learning-loss']} for" in said()


def test_hours_are_those_of_all_trainings_each_counted_once():
    trained = whole = 0.0
    for name in STUDIES:
        seen = set()
        for done in study_of(name).rounds:
            first = (done.seed, done.weights_digest) not in seen  # round 0 is stored with every strategy
            seen.add((done.seed, done.weights_digest))
            trained += done.seconds["train"] * first
            whole += sum(done.seconds.get(s, 0) for s in STAGES if first or s in ("observe", "select"))
    assert f"took {trained / 3600:.1f} hours of one process, {whole / 3600:.1f} with evaluation" in said()


def test_what_the_reports_list_as_not_run_is_what_the_document_says():
    listed = {}
    for name in STUDIES:
        facts = [fact for section in protocol(study_of(name)) for fact in section.facts]
        listed[name] = dict(facts).get("not run")
    assert {name for name, text in listed.items() if text} == {
        "rooms",
        "rooms-longtail",
        "dev-rooms-longtail",
    }
    for name in ("rooms", "rooms-longtail"):
        parts = [part.rpartition(", seeds")[0].strip() for part in listed[name].split(";")]
        assert "true-loss" in parts
        assert len(parts) == 4
    assert {text.rpartition("seeds ")[2] for text in listed["dev-rooms-longtail"].split(";")} == {
        "103, 104 at any budget"
    }
    assert {source.environment["revision"] for name in STUDIES for source in study_of(name).sources} == {None}


def test_single_numbers_are_those_of_the_files():
    areas = evidence(study_of("dev-rooms-longtail").results, "rooms-longtail").naubc
    by_seed = areas.pivot(index="seed", columns="strategy", values="naubc")
    lost = (by_seed["true-loss"] - by_seed["random"]).dropna()
    assert f"({', '.join(f'{value:+.2f}' for value in lost)} in three seeds)" in said().replace(
        "(NAUBC minus random: ", "("
    )
    found = evidence(study_of("rooms-video").results, "rooms-video").needed["core-set"]
    assert f"(there at {100 * found.needed:.0f} %, interval from {100 * found.low:.0f} %)" in said()
    camvid = evidence(study_of("camvid").results, "camvid").naubc
    by_seed = camvid.pivot(index="seed", columns="strategy", values="naubc")
    for name in ("entropy", "learning-loss"):
        assert (by_seed[name] > by_seed["random"]).all(), "behind in every seed"


def test_the_table_of_camvid_is_that_of_its_results():
    results = study_of("camvid").results
    written = headline_table.render(results)["tables/headline.md"].decode().splitlines()
    areas = {
        row[1]: row[2:4] for row in ([c.strip() for c in line.split("|")] for line in written) if len(row) > 4
    }
    losses = results.table[(results.table["task"] == "total") & (results.table["metric"] == "loss")]
    means = losses.groupby(["strategy", "labelled"])["value"].mean()
    for name in ("core-set", "consistency-diversity", "random", "entropy", "learning-loss"):
        cells = [f"{means[name, size]:.3f}" for size in (18, 37, 73)]
        (row,) = [
            line
            for line in (DOCS / "first-study.md").read_text().splitlines()
            if line.startswith(f"| {name} | 1.")
        ]
        assert [cell.strip() for cell in row.split("|")[2:7]] == [*cells, *areas[name]]


@pytest.mark.slow
@pytest.mark.parametrize("data", ["rooms-video", "dev-rooms-longtail"])
def test_what_is_said_of_the_labels_of_selections_is_what_the_command_says(data):
    """It renders the rooms again."""
    spread = spreads(study_of(data))
    if data == "rooms-video":
        order = ("core-set", "consistency-diversity", "random", "entropy", "learning-loss")
        assert ", ".join(spread(name, DISTANCE, 2) for name in order) in said()
    else:
        assert f"rare classes in {spread('true-loss', RARE, 1)} % of images" in said()
        assert f"({spread('consistency-diversity', DISTANCE, 2)} of the distance of random" in said()
        assert f"no rarer ({spread('consistency-diversity', RARE, 1)} %)" in said()
