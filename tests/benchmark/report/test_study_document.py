"""docs/study.md says what its published results say; its marked tables are held by test_study_tables."""

from pathlib import Path

import pytest

import baselines  # noqa: F401 - registers the built-in strategies
from benchmark.report.results.archives import unpacked
from benchmark.report.results.study import read_study
from benchmark.report.statistics.dataset_statistics import evidence
from strategies.registry import resolve

DOCS = Path(__file__).parents[3] / "docs"


def said():
    """The document as one line."""
    return " ".join((DOCS / "study.md").read_text().split())


def study_of(name):
    with unpacked(DOCS / "study" / f"{name}.zip") as folder:
        return read_study(folder)


def test_what_the_improved_form_was_declared_on_is_what_its_archive_says():
    rows = study_of("development-nyud").results.table
    rows = rows[(rows["seed"] == 200) & (rows["task"] == "total") & (rows["metric"] == "loss")]
    losses = {name: group.sort_values("labelled")["value"] for name, group in rows.groupby("strategy")}
    section = (DOCS / "study.md").read_text().split("\n## What was declared")[1].split("\n## ")[0]
    said = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    assert len(said) == 8
    for name, *cells in said:
        full = resolve(name.split("`")[1]).name
        assert [float(cell) for cell in cells] == pytest.approx(losses[full].tolist(), abs=5e-4)


def test_what_the_method_loses_in_development_is_what_its_archives_say():
    def shares(name, dataset):
        found = evidence(study_of(name).results, dataset)
        areas = found.naubc.pivot(index="seed", columns="strategy", values="naubc")
        lost = areas["consistency-diversity"] - areas["random"]
        return [f"{100 * lost[seed] / gap:.0f}" for seed, gap in found.gap.by_seed.items()]

    first, second = shares("development-nyud", "nyud")
    assert f"by {first} and {second} % of what labels can gain there in two seeds of NYUD-v2" in said()
    (only,) = shares("development-rooms", "rooms")
    assert f"by {only} % in one seed of rooms" in said()


def test_every_form_of_the_product_lost_more_in_development_than_coverage_with_the_same_score():
    for name, dataset in (("development-nyud", "nyud"), ("development-rooms", "rooms")):
        areas = evidence(study_of(name).results, dataset).naubc
        areas = areas[areas["seed"] == 200].set_index("strategy")["naubc"].dropna()
        method = areas[areas.index.str.startswith("consistency-diversity")]
        covers = method[method.index.str.contains("select=cover")]
        products = method[~method.index.str.contains("select=(?:cover|random)", regex=True)]
        assert len(covers) == 3
        assert len(products) >= 3
        assert products.min() > covers.max()
