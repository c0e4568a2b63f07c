"""The page: its numbers are those of the statistics, names stay text, and it stays small."""

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from kept_pictures import a_round, jpeg, keep
from parsed_page import Parsed, chapter_of, page_of

from benchmark.records.round_store import Round, Store
from benchmark.records.selection_pictures import Pick
from benchmark.report.formats.table import MISSING
from benchmark.report.page.content import gather
from benchmark.report.page.downloads import downloads
from benchmark.report.page.sortable_tables import shaded, sort_key
from benchmark.report.page.style_sheet import DARK_PAGE, contrast, on_dark
from benchmark.report.results.load import total_loss
from benchmark.report.results.study import read_study
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.statistics.penalty_matrix import MEAN, penalty_matrix
from benchmark.report.strategy_styles import FIXED, MORE, MUTED
from benchmark.report.tables.matrix_tables import Matrix
from benchmark.report.tables.mean_ranks_table import ranks_of

HOSTILE = [
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\"'><b onmouseover=alert(1)>&amp;",
    "{{ 7 * 7 }}${7*7}",
    "naïve-策略",
    "turned \u202e around",
    "x" * 250,
]


def test_a_reference_is_marked_and_never_ranked(study):
    made = study(strategies=["random", "oracle"], seeds=4)
    made = replace(made, results=replace(made.results, references=frozenset({"oracle"})))
    chapter = chapter_of(made)
    for table in (chapter.headline, chapter.losses):
        assert [line.name for line in table.rows] == ["random"]
        assert "oracle" in [line.name for line in table.references]
    assert chapter.matrices == [], "one strategy is left to compare"
    assert page_of(made).count(b"reference</span>") >= 3


def read_off(ticks, at):
    """The value at a place of a drawing, by the labels of its axis."""
    shown = [(float(tick.at), float(tick.label)) for tick in ticks if tick.label]
    slope, offset = np.polyfit(*np.transpose(shown), 1)
    return slope * at + offset


def test_curves_are_drawn_where_the_numbers_are(study):
    made = study(strategies=["random", "entropy"], seeds=5)
    (chart,) = [one for one in chapter_of(made).tasks if one.title == "semseg: mIoU (%) ↑"]
    table = made.results.table
    rows = table[(table["metric"] == "miou") & (table["strategy"] == "entropy")]
    expected = [t_interval(part["value"]) for _, part in rows.groupby("labelled")]
    (one,) = [one for one in chart.series if one.number == 0]
    points = np.array([point.split(",") for point in one.line.split()], float)
    np.testing.assert_allclose(read_off(chart.x, points[:, 0]), [10, 20, 30, 40], atol=0.1)
    np.testing.assert_allclose(read_off(chart.y, points[:, 1]), [mean for mean, *_ in expected], atol=0.05)
    edge = np.array([point.split(",") for point in one.band.split()], float)[:, 1]
    limits = [high for *_, high in expected] + [low for _, low, _ in expected][::-1]
    np.testing.assert_allclose(read_off(chart.y, edge), limits, atol=0.05)
    full = table[(table["strategy"] == "full-data") & (table["metric"] == "miou")]["value"].mean()
    assert read_off(chart.y, float(chart.full.y)) == pytest.approx(full, abs=0.05)
    written = dict(chart.numbers.rows)["entropy"]
    assert written[0].split(" ± ")[0] == f"{expected[0][0]:.2f}"
    assert written[-1] == "", "no strategy was to have all labels"


def test_tables_and_matrices_are_those_of_the_report(study):
    made = study(seeds=5)
    chapter = chapter_of(made)
    means = evidence(made.results, "rooms").naubc.groupby("strategy")["naubc"].mean().sort_values()
    assert [line.name for line in chapter.headline.rows] == list(means.index)
    shown = [float(line.cells[0].key) for line in chapter.headline.rows]
    np.testing.assert_allclose(shown, means, atol=5e-4)
    rows = total_loss(made.results.of("rooms"))
    later = rows[(rows["strategy"] != "full-data") & (rows["labelled"] > 40)]
    (penalty,) = chapter.matrices
    beaten = penalty_matrix(later)
    for name, row in penalty.rows:
        assert [cell.text for cell in row] == [f"{beaten.loc[name, other]:.2f}" for other in penalty.names]
    means = [f"{beaten.loc[MEAN, name]:.2f}" for name in penalty.names]
    assert [cell.text for cell in penalty.means] == means
    assert chapter.costs is None


@pytest.mark.parametrize(
    "texts",
    [
        ["< 0.001", "0.001", "0.05", "1"],
        ["9.5 %", "40 %", "> 40 %"],
        ["-0.2", "+0.033", "+1.2"],
        ["1e-05", "2"],
    ],
)
def test_cells_sort_by_what_they_say(texts):
    keys = [float(sort_key(text)) for text in texts]
    assert keys == sorted(set(keys))
    assert sort_key(MISSING) == sort_key("") == ""


def test_shades_grow_with_the_numbers_and_a_missing_one_has_none():
    values = pd.DataFrame([[0, 0.26, 1, np.nan]], ["a"], list("abcd"))
    ((_, cells),) = shaded(Matrix("rooms", values, "v", "in words", "short")).rows
    assert [cell.shade for cell in cells] == [0, 3, 10, None]
    assert [cell.text for cell in cells] == ["0.00", "0.26", "1.00", MISSING]


@pytest.mark.parametrize("colour", [*FIXED.values(), *MUTED, *MORE])
def test_every_colour_is_seen_on_the_dark_page(colour):
    assert contrast(on_dark(colour), DARK_PAGE) >= 4.5
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_the_page_is_one_sound_file_that_asks_nobody_for_anything(study):
    page = page_of(study(seeds=2))
    parsed = Parsed(page)
    assert b"://" not in page
    assert page.startswith(b"<!DOCTYPE html>")
    (script,), (style,) = parsed.all("script"), parsed.all("style")
    assert script == style == {}
    assert {attributes["href"] for attributes in parsed.all("link")} == {"data:,"}
    targets = {a["href"] for a in parsed.all("a")} | {i["src"] for i in parsed.all("img")}
    identities = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(set(identities)) == len(identities)
    for target in targets:
        assert target.startswith("data:") or target.removeprefix("#") in identities
    for _, attributes in parsed.elements:
        for label in attributes.get("aria-labelledby", "").split():
            assert label in identities
    policy = next(a["content"] for a in parsed.all("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_same_study_gives_the_same_bytes_wherever_it_lies(study, synthetic, tmp_path):
    made = study(seeds=3)
    assert page_of(made) == page_of(made)
    elsewhere = synthetic.write(tmp_path / "elsewhere", synthetic.rows(seeds=3))
    assert page_of(read_study(elsewhere)) == page_of(made)


def test_hostile_names_stay_text(synthetic, tmp_path, total_only):
    rows = synthetic.rows(HOSTILE, seeds=2, dataset="<i>rooms</i>", metrics=total_only)
    rows += [(*row[:5], "</title><script>", 'a"b<c', row[7]) for row in rows]
    folder = synthetic.write(tmp_path / "r", rows)
    for name in HOSTILE:
        done = a_round(name, labelled=["a", "b"], selected=['"><script>'], dataset="<i>rooms</i>")
        Store(folder).write(done)
        keep(folder, done, [Pick('"><script>', jpeg(), {"<u>": (1.0, 0.5)}, {"<u>": jpeg()})])
    experiment = {"name": "</h1><script>", "<s>": ["<script>", "\x07"]}
    (folder / "experiment.yaml").write_text(json.dumps(experiment))
    parsed = Parsed(page_of(read_study(folder)))
    tags = {tag for tag, _ in parsed.elements}
    assert not tags & {"i", "b", "u", "s"}
    assert len(parsed.all("script")) == len(parsed.all("style")) == len(parsed.all("h1")) == 1
    assert len(parsed.all("img")) == 2 * len(HOSTILE)
    assert not [name for _, attributes in parsed.elements for name in attributes if name.startswith("on")]
    text = "".join(parsed.text)
    for name in HOSTILE:
        assert name.replace("\u202e", "\N{REPLACEMENT CHARACTER}") in text
    assert "\u202e" not in text
    assert "\x07" not in text


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": 1},
        {"strategies": ["entropy"], "seeds": 1, "budgets": (40,)},
        {"strategies": ["random"], "seeds": 4},
        {"strategies": ["entropy", "core-set"], "budgets": tuple(range(20, 320, 10))},
    ],
)
def test_any_study_has_a_page(study, changes):
    made = study(**changes)
    chapter = chapter_of(made)
    for chart in (chapter.total, *chapter.tasks):
        assert all("nan" not in f"{one.line}{one.band}{one.seeds}" for one in chart.series)
        assert len([tick for tick in chart.y if tick.label]) >= 2
    Parsed(page_of(made))


def test_a_data_set_without_a_strategy_yet_is_named(synthetic, tmp_path):
    rows = [row for row in synthetic.rows(seeds=1) if row[1] == "full-data"]
    page = page_of(read_study(synthetic.write(tmp_path / "r", rows)))
    assert b"rooms: no strategy has a result yet." in page
    Parsed(page)


@pytest.fixture
def six(synthetic, total_only):
    """Writes six data sets, enough for ranks to be compared, and the noise floor of one of them."""

    def write(folder, names=("random", "entropy", "core-set"), datasets="abcdef"):
        short = {"seeds": 2, "budgets": (40, 80), "metrics": total_only}
        table = [row for name in datasets for row in synthetic.rows(names, dataset=name, **short)]
        store = Store(synthetic.write(folder, table))
        for seed, loss in enumerate((1.0, 1.2)):
            ids = tuple(map(str, range(40)))
            store.write(Round("a", "noise-floor", seed, 0, "key", ids, {"total": {"loss": loss}}, "w"))
        return read_study(folder)

    return write


def test_mean_ranks_of_many_data_sets_and_the_noise_floor_are_shown(six, tmp_path):
    study = six(tmp_path)
    found = ranks_of(study)
    content = gather(study, {})
    rows = [(line.name, float(line.cells[0].cell.mean)) for line in content.ranks.rows]
    assert rows == [(str(name), round(rank, 2)) for name, rank in found.mean.items()]
    parsed = Parsed(page_of(study))
    ids = {attributes.get("id") for _, attributes in parsed.elements}
    assert {"ranks", "noise-0"} <= ids
    assert "noise-1" not in ids, "only one data set has a floor"
    links = {attributes.get("href") for attributes in parsed.all("a")}
    assert {"#ranks", "#noise-0"} <= links
    text = " ".join(parsed.text)
    assert f"critical difference of {found.critical:.2f}" in text
    assert "0.1414" in text
    assert "10 % (40)" in text


def test_ranks_and_floor_are_not_mentioned_where_there_are_none(study):
    page = page_of(study(seeds=2))
    assert b"Mean ranks" not in page
    assert b"Noise floor" not in page


def test_hostile_names_stay_text_in_ranks_and_floors(six, tmp_path):
    names = ("random", HOSTILE[0], HOSTILE[1])
    parsed = Parsed(page_of(six(tmp_path, names, [*"bcdef", HOSTILE[1]])))
    assert not [attributes for tag, attributes in parsed.elements if "onerror" in attributes]
    assert len(parsed.all("script")) == 1


def test_trajectories_that_are_not_there_are_named(synthetic, tmp_path):
    rows = synthetic.rows(["random", "entropy"], seeds=2)
    there = [row for row in rows if row[1:5] != ("entropy", 1, 3, 160) and row[1] != "full-data"]
    folder = synthetic.write(tmp_path / "r", there)
    planned = {"name": "planned", "seeds": [0, 1, 2], "full_data": True, "recipe": {"iterations": 7}}
    (folder / "experiment.yaml").write_text(json.dumps(planned))
    about = json.loads((folder / "environment.json").read_text())
    about["strategies"] = {name: {"reference": False} for name in ("random", "entropy", "core-set")}
    (folder / "environment.json").write_text(json.dumps(about))
    text = " ".join(Parsed(page_of(read_study(folder))).text)
    for words in (
        "core-set, seeds 0, 1, 2 at any budget; entropy, seed 1 at 40 % (160); seed 2 at any budget; full-",
        "entropy has no result for seed 1 at 40 % (160).",
        "recipe.iterations",
        "planned",
    ):
        assert words in text


def test_what_can_be_downloaded_is_what_the_report_wrote(study):
    made = study(strategies=["random"], seeds=2)
    files = {"figures/a.csv": b"x,y\n1,2\n", "figures/a.png": b"no table", "tables/a.csv": b"z\n"}
    links = {a["download"]: a["href"] for a in Parsed(page_of(made, files)).all("a") if "download" in a}
    assert set(links) == {"figures-a.csv", "tables-a.csv", "results.csv"}
    for path in ("figures/a.csv", "tables/a.csv"):
        uri = links[path.replace("/", "-")].removeprefix("data:text/csv;base64,")
        assert base64.b64decode(uri) == files[path]
    raw = pd.read_csv(io.BytesIO(base64.b64decode(links["results.csv"].partition(",")[2])))
    pd.testing.assert_frame_equal(raw, made.results.table[list(raw.columns)])
    assert downloads(made.results, files, 60).left_out == ["results.csv"]
