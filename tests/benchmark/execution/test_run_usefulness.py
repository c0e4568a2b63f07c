"""What images are worth: batches of every fifth of a score are trained, kept, and set beside random ones."""

import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cli.main import cli
from benchmark.experiment.catalogue import open_dataset
from benchmark.protocol.references.usefulness import in_fifths, rank_correlation
from benchmark.records.round_store import Store
from benchmark.report import write_report
from benchmark.report.dataset_results import subjects
from benchmark.report.results.archives import pack
from benchmark.report.results.study import read_study
from benchmark.report.validity.usefulness import make_table, measured

FIELDS = {
    "name": "tiny",
    "data": {"pool": 24, "val": 4, "height": 16, "width": 16, "seed": 3},
    "network": {"width": 4, "blocks": 1},
    "recipe": {"iterations": 2, "batch_size": 2},
    "budgets": [3, 6, 9],
    "strategies": ["entropy", "random"],
    "seeds": [0],
    "references": 1,
}
COMMAND = ["usefulness", "--strategies", "entropy,random,true-loss", "--seeds", "100,101", "--batches", "2"]


def command(folder, *more):
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump(FIELDS))
    given = [*COMMAND[:1], str(file), *COMMAND[1:], "--out", str(folder / "out"), *more]
    return CliRunner().invoke(cli, given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("usefulness")
    result = command(folder, "--quiet")
    assert result.exit_code == 0, result.output
    (folder / "said.txt").write_text(result.output)
    return folder


def batches(folder):
    return list(Store(folder / "out" / "usefulness").rounds())


def test_every_fifth_of_every_score_is_trained_on_in_every_seed(folder):
    table = pd.DataFrame({"by": done.strategy, "seed": done.seed, **done.notes} for done in batches(folder))
    counted = table.groupby(["by", "seed", "fifth"]).size()
    assert set(table.by) == {"random", "entropy", "true-loss"}  # random gives no scores: it is the measure
    assert (counted[["entropy", "true-loss"]] == 2).all()
    assert (counted["random"] == 10).all()


def test_a_batch_is_trained_with_the_first_set_and_lies_in_its_fifth(folder):
    ids = open_dataset("rooms", FIELDS["data"] | {"seed": 4}, None).train.ids
    for done in batches(folder):
        first = Store(folder / "out").read(done.dataset, "entropy", done.seed, 0)
        assert done.labelled[:3] == first.labelled
        assert len(set(done.labelled)) == 6
        if done.strategy == "entropy":
            free = [place for place, image in enumerate(ids) if image not in first.labelled]
            ranked = scipy.stats.rankdata(np.array(first.scores)[free], axis=0).mean(1)
            value = {ids[place]: rank for place, rank in zip(free, ranked, strict=True)}
            # 21 images in fifths of 5, 4, 4, 4, 4; equal ones may fall on either side of a border.
            starts = [0, 5, 9, 13, 17, 21]
            low, high = starts[int(done.notes["fifth"]) - 1], starts[int(done.notes["fifth"])]
            assert all((ranked < value[image]).sum() < high for image in done.labelled[3:])
            assert all((ranked <= value[image]).sum() > low for image in done.labelled[3:])


def test_images_are_others_than_a_study_s(folder):
    stored = yaml.safe_load((folder / "out" / "experiment.yaml").read_text())
    assert stored["data"]["seed"] == 4
    assert stored["budgets"] == [3, 6]


def test_the_table_says_what_the_batches_lost(folder):
    rows = pd.read_csv(folder / "out" / "tables" / "usefulness.csv")
    total = rows[rows.task == "total"]
    base = total[total.strategy == "random"].groupby("seed").loss.mean()
    full = {
        s: Store(folder / "out").read("rooms", "full-data", s, 0).metrics["total"]["loss"] for s in base.index
    }
    gap = np.mean([base[seed] - full[seed] for seed in base.index])
    said = (folder / "out" / "tables" / "usefulness.md").read_text()
    for fifth in range(1, 6):
        of_fifth = total[(total.strategy == "entropy") & (total.fifth == fifth)]
        mean = (of_fifth.groupby("seed").loss.mean() - base).mean()
        expected = f"{100 * mean / gap:+.1f}" if gap > 0 else f"{mean:+.3f}"
        assert expected in said


def test_a_report_says_the_same_of_the_folder_and_of_its_archive(folder, tmp_path):
    pack(folder / "out", tmp_path / "a.zip", scores=False)
    names = {"tables/usefulness.md", "tables/usefulness.csv", "tables/usefulness.tex"}
    for source in (folder / "out", tmp_path / "a.zip"):
        written = write_report(source, out=tmp_path / "report")
        for name in names:
            assert (tmp_path / "report" / name).read_bytes() == (folder / "out" / name).read_bytes()
        assert 'id="usefulness-0"' in written.page.read_text()


def test_a_measurement_that_was_stopped_leaves_out_what_it_has_not(folder, tmp_path):
    part = shutil.copytree(folder / "out", tmp_path / "part")
    for kind, seed, numbers in (("entropy", 100, range(3, 6)), ("true-loss", 101, range(10))):
        for number in numbers:
            for file in (part / "usefulness" / "rooms" / kind / f"seed-{seed}").glob(f"round-{number:02d}.*"):
                file.unlink()
    (subject,) = subjects(read_study(part))
    found, whole = (measured(one) for one in (subject, *subjects(read_study(folder / "out"))))
    assert np.isfinite(found.fifths["true-loss"]).all()
    assert found.fifths["entropy"].shape == whole.fifths["entropy"].shape
    assert make_table(found).heads == make_table(whole).heads


def test_the_correlation_with_the_true_loss_is_kept_and_none_is_told_of_itself(folder):
    notes = {done.strategy: done.notes for done in batches(folder)}
    assert -1 <= notes["entropy"]["with loss"] <= 1
    assert notes["true-loss"]["with loss"] == pytest.approx(1)


def test_run_again_it_trains_nothing(folder):
    before = {done.key: done.seconds for done in batches(folder)}
    assert command(folder, "--quiet").exit_code == 0
    assert {done.key: done.seconds for done in batches(folder)} == before


def test_what_a_later_strategy_tells_is_noted_of_what_is_stored(folder, tmp_path):
    """As of a run without true-loss, whose batches are trained: their correlations come with it."""
    shutil.copytree(folder / "out", tmp_path / "out")
    store, told = Store(tmp_path / "out" / "usefulness"), {}
    for done in list(store.rounds()):
        told[done.strategy, done.seed, done.round] = done.notes
        if done.strategy == "entropy":
            store.write(replace(done, notes={name: done.notes[name] for name in ("fifth", "repeat")}))
    before = {done.key: done.seconds for done in batches(tmp_path)}
    assert command(tmp_path, "--quiet").exit_code == 0
    assert {done.key: done.seconds for done in batches(tmp_path)} == before, "nothing is trained again"
    assert {(done.strategy, done.seed, done.round): done.notes for done in batches(tmp_path)} == told


def test_a_strategy_without_scores_is_no_measure(tmp_path):
    result = command(tmp_path, "--quiet", "--strategies", "random")
    assert result.exit_code != 0
    assert "None of the strategies gives scores" in str(result.exception) + result.output


def test_a_batch_larger_than_a_fifth_is_refused(tmp_path):
    result = command(tmp_path, "--quiet", "--budgets", "3,12")
    assert result.exit_code != 0
    assert "a fifth of the unlabelled ones" in str(result.exception) + result.output


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        (["{file}"], ("entropy", "random")),
        (["{file}", "--strategies", "core-set"], ("core-set",)),
        ([], ("inconsistency", "entropy", "true-loss")),
        (["--set", "strategies=[entropy]"], ("entropy",)),
    ],
)
def test_strategies_are_those_of_the_file_where_one_is_given(tmp_path, monkeypatch, more, asked):
    file, seen = tmp_path / "tiny.yaml", []
    file.write_text(yaml.safe_dump(FIELDS))

    def measure(experiment, *_):
        seen.append(experiment.strategies)
        return ""

    monkeypatch.setattr("benchmark.execution.run_usefulness.usefulness", measure)
    result = CliRunner().invoke(cli, ["usefulness", *(word.format(file=file) for word in more)])
    assert result.exit_code == 0, result.output
    assert seen == [asked]


@given(st.lists(st.floats(-5, 5), min_size=10, max_size=40), st.integers(0, 5))
def test_fifths_are_all_free_images_in_rising_order(values, labelled):
    scores, free = np.array(values)[:, None], np.arange(labelled, len(values))
    fifths = in_fifths(scores, free, np.random.default_rng(0))
    assert sorted(np.concatenate(fifths)) == list(free)
    ends = [(scores[part].min(), scores[part].max()) for part in fifths if len(part)]
    assert all(high <= low for (_, high), (low, _) in pairwise(ends))


def test_the_correlation_is_spearman_s():
    first, second = np.random.default_rng(0).normal(size=(2, 30, 1))
    apart = first[:, 0].argsort().argsort() - second[:, 0].argsort().argsort()
    assert rank_correlation(first, second) == pytest.approx(1 - 6 * (apart**2).sum() / (30 * (30**2 - 1)))
    assert np.isnan(rank_correlation(first, np.ones((30, 1))))


def test_the_correlation_is_of_mean_ranks_whatever_the_scales_of_tasks_are():
    first = np.array([[1, 900.0], [2, 700], [3, 800], [4, 100]])  # ranks 0 to 3, means 1.5, 1, 2, 1.5
    second = np.array([[0.1], [0.2], [0.4], [0.3]])
    ranked, other = np.array([2.5, 1, 4, 2.5]), np.array([1, 2, 4, 3])  # ties have their mean rank
    assert rank_correlation(first, second) == pytest.approx(np.corrcoef(ranked, other)[0, 1])
    assert rank_correlation(first * [1, 1e-6], second) == rank_correlation(first, second)
