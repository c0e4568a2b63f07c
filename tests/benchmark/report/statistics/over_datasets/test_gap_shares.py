"""Shares of the gap over data sets: each computed another way, the same wherever they are told."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from benchmark import load
from benchmark.report import read_studies, terminal_text, write_report
from benchmark.report.results.load import read_results
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.holm_family import holm
from benchmark.report.statistics.over_datasets.gap_shares import every_strategy, over_datasets, share_of
from benchmark.report.statistics.over_datasets.random_effects import random_effects
from benchmark.report.tables.over_datasets_table import render

TOTAL = {("total", "loss"): (1.3, -0.45, 0.025)}


def of_datasets(synthetic, folder, names, seeds=5):
    """A folder of results of these data sets, each with a spread of its own."""
    table = []
    for place, name in enumerate(names):
        metrics = {("total", "loss"): (1.3 + place, -0.45 - 0.1 * place, 0.02 + 0.01 * place)}
        table += synthetic.rows(dataset=name, seeds=seeds, metrics=metrics)
    return synthetic.write(folder, table)


@pytest.fixture(scope="module")
def folder(synthetic, tmp_path_factory):
    return of_datasets(synthetic, tmp_path_factory.mktemp("three") / "results", "abc")


@pytest.fixture(scope="module")
def every(folder):
    results = read_results(folder)
    return [evidence(results, name) for name in results.datasets]


def by_seed(found, name):
    rows = found.naubc[found.naubc["strategy"] == name]
    return rows.set_index("seed")["naubc"]


def test_a_share_is_that_of_the_headline_and_its_error_that_of_a_jackknife(every):
    for found in every:
        one = share_of(found, "entropy", "random")
        (headline,) = (each for each in found.compared if each.strategy == "entropy")
        assert one.share == pytest.approx(found.gap.share(headline.mean))
        difference = (by_seed(found, "entropy") - by_seed(found, "random")).to_numpy()
        gap = np.array([found.gap.by_seed[seed] for seed in range(5)])
        left = [np.delete(difference, s).mean() / np.delete(gap, s).mean() for s in range(5)]
        assert one.error == pytest.approx(np.sqrt(4 / 5 * ((left - np.mean(left)) ** 2).sum()), rel=0.05)


def test_the_mean_is_that_of_the_shares_and_p_is_corrected_for_all_strategies(every):
    found = every_strategy(every)
    assert sorted(one.strategy for one in found) == [
        "consistency-diversity", "core-set", "entropy", "learning-loss",
    ]  # fmt: skip
    for one in found:
        shares = [share_of(each, one.strategy, "random") for each in every]
        assert one.found == random_effects([s.share for s in shares], [s.error for s in shares])
    assert [one.corrected for one in found] == holm([one.found.p for one in found])
    assert [one.found.mean for one in found] == sorted(one.found.mean for one in found)


def test_the_other_way_round_it_is_the_same_with_the_other_sign(every):
    one, other = over_datasets(every, "entropy", "core-set"), over_datasets(every, "core-set", "entropy")
    assert (one.found.mean, one.found.low, one.found.tau) == pytest.approx(
        (-other.found.mean, -other.found.high, other.found.tau)
    )


def test_a_data_set_without_a_share_is_left_out_and_named(every):
    first, *others = every
    flat = replace(first, gap=replace(first.gap, mean=-0.1))
    found = over_datasets([flat, *others], "entropy", "random")
    assert (found.found.count, found.left_out) == (2, {"a": "no gap to full data"})
    few = replace(first, naubc=first.naubc[first.naubc["seed"] < 3])
    assert "fewer than 4 seeds" in over_datasets([few, *others], "entropy", "random").left_out["a"]
    assert over_datasets([flat, others[0]], "entropy", "random").found is None
    foreign = replace(first, naubc=first.naubc[first.naubc["strategy"] != "entropy"])
    assert over_datasets([foreign, *others], "entropy", "random").left_out == {}


def csv_of(study, name="over_datasets"):
    return pd.read_csv(io.BytesIO(render(study)[f"tables/{name}.csv"]))


def test_report_and_page_have_it_and_a_choice_of_strategies_changes_no_number(folder, every, tmp_path):
    written = write_report(folder, out=tmp_path / "report", strategies=["entropy"])
    assert "over_datasets.svg" in {path.name for path in written.paths}
    study = read_studies([folder])
    whole, shown = csv_of(study), csv_of(study.only(["entropy"]))
    pd.testing.assert_frame_equal(
        whole[whole["strategy"] == "entropy"].reset_index(drop=True), shown.reset_index(drop=True)
    )
    assert (
        whole.set_index("strategy").loc["entropy", "mean"]
        == over_datasets(every, "entropy", "random").found.mean
    )
    latex = render(study)["tables/over_datasets.tex"].decode()
    assert "I$^2$" in latex
    assert "U+" not in latex, "a sign that no class has"
    effects = csv_of(study, "over_datasets_effects")
    assert len(effects) == 4 * 3
    assert 'id="over-datasets"' in written.page.read_text()
    said = " ".join(terminal_text(study).split())
    assert "Over data sets, against random (shares of each data set's gap to full data" in said
    assert "a further data set" in said


def test_the_table_of_each_data_set_says_its_shares_and_where_seeds_are_fewer(synthetic, tmp_path):
    rows = [row for name in "ab" for row in synthetic.rows(dataset=name, seeds=5)]
    fewer = [row for row in rows if tuple(row[:3]) != ("b", "entropy", 4)]
    assert len(fewer) < len(rows)
    study = read_studies([synthetic.write(tmp_path / "fewer", fewer)])
    text = render(study)["tables/over_datasets_effects.md"].decode().replace("\\", "")
    table = [re.split(r" *\| *", line)[1:-1] for line in text.splitlines() if line[:1] == "|"]
    cells = {name: row for name, *row in table}
    assert cells["strategy"] == ["a", "b"]
    assert [name for name, row in cells.items() if "[n = 4]" in row[1]] == ["entropy"]
    for effect in csv_of(study, "over_datasets_effects").itertuples():
        cell = cells[effect.strategy]["ab".index(effect.dataset)]
        half = t.ppf(0.975, effect.seeds - 1) * effect.error
        assert cell.startswith(f"{100 * effect.share:+.0f} % ± {100 * half:.0f}")


def test_one_data_set_has_no_mean_and_is_not_spoken_of(synthetic, tmp_path):
    study = read_studies([of_datasets(synthetic, tmp_path / "one", "a")])
    assert render(study) == {}
    assert "data sets" not in terminal_text(study)
    assert "data sets" not in load(tmp_path / "one").compare("entropy", "random").text


def test_the_command_compares_over_several_folders(synthetic, tmp_path, mtal):
    for name in "ab":
        folder = of_datasets(synthetic, tmp_path / name, name)
        synthetic.add_experiment(folder, dataset=name)
    said = mtal("compare", "entropy", "random", "a", "b")
    assert said.code == 0, said.err
    flat = " ".join(said.out.split())
    assert "Over 2 data sets" in flat
    assert "Two data sets say little: t has one degree of freedom." in flat
    assert "a further data set" not in flat
    document = json.loads(mtal("compare", "entropy", "random", "a", "b", "--json").out)
    study = load(tmp_path / "a", tmp_path / "b")
    results = study.read.results
    found = over_datasets([evidence(results, name) for name in "ab"], "entropy", "random").found
    assert document["over_datasets"]["mean"] == found.mean
    assert document["over_datasets"]["further_low"] is None
    assert json.loads(mtal("compare", "entropy", "random", "a", "--json").out)["over_datasets"] is None


def test_data_sets_without_full_data_are_said_to_have_no_mean(synthetic, tmp_path):
    folder = of_datasets(synthetic, tmp_path / "results", "ab")
    rows = pd.read_csv(folder / "results.csv")
    rows[rows["strategy"] != "full-data"].to_csv(folder / "results.csv", index=False)
    text = load(folder).compare("entropy", "random").text
    assert (
        "Over data sets there is no mean: it takes two that have a share of the gap, and there is none."
        in text
    )
    assert "a (no gap to full data), b (no gap to full data)" in text
    assert render(read_studies([folder])) == {}
    assert "Over data sets there is no mean" in " ".join(terminal_text(read_studies([folder])).split())
