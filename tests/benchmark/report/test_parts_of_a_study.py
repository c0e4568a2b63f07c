"""Seeds, strategies and data sets that some rows lack, and rows that are hidden: none speaks for others."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from benchmark.experiment.sweep import Variant
from benchmark.records.round_store import NOISE_FLOOR, USEFULNESS, Round, Store
from benchmark.report import read_studies
from benchmark.report.compare import document, pairs
from benchmark.report.dataset_results import DatasetResults, subjects
from benchmark.report.drawing.emphasis import emphasis
from benchmark.report.figures import paired_difference
from benchmark.report.results.archives import pack
from benchmark.report.results.load import read_results
from benchmark.report.results.study import once, read_study
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.sweep import table as sweep_tables
from benchmark.report.tables import headline_table, loss_table, matrix_tables
from benchmark.report.validity import measured_noise, usefulness

LEVEL = [4.0, 4.4, 4.8, 5.2, 5.6]  # of a seed, whatever is chosen


def curves(shift, seeds=range(5), first=0.0):
    """Losses at three budgets by seed: as random's, but so much higher after the first."""
    return {
        seed: [LEVEL[seed] + first, LEVEL[seed] - 1 + shift + 0.01 * seed, LEVEL[seed] - 2 + shift]
        for seed in seeds
    }


@pytest.fixture
def study(synthetic, tmp_path):
    def made(table, dataset="rooms", name="study"):
        return synthetic.write(tmp_path / name, synthetic.losses(table, dataset), pool=100)

    return made


def test_easy_seeds_put_nobody_first(study):
    """A strategy of two seeds of low losses, in both of which it is worse than random."""
    folder = study({"random": curves(0), "better": curves(-0.2), "lucky": curves(0.3, [0, 1])})
    results = read_results(folder)
    found = evidence(results, "rooms")
    assert found.naubc.groupby("strategy")["naubc"].mean().idxmin() == "lucky"
    assert found.order == (["better", "random", "lucky"], [])
    headline, losses = headline_table.make_headline(found), loss_table.make_table(results, "rooms")
    for table in (headline, losses):
        assert [name for name, _ in table.rows] == ["better", "random", "lucky"]
        assert any("sorted by their difference to random" in note for note in table.notes)


def test_without_random_whoever_lacks_seeds_comes_last(study):
    results = read_results(study({"a": curves(0.1), "b": curves(0), "lucky": curves(0.3, [0, 1])}))
    assert evidence(results, "rooms").order[0] == ["b", "a", "lucky"]
    table = loss_table.make_table(results, "rooms")
    assert [name for name, _ in table.rows] == ["b", "a", "lucky"]
    assert any("such rows are last" in note for note in table.notes)


def marked(table):
    return {name for name, cells in table.rows if any(cell.mark for cell in cells)}


def test_what_is_hidden_changes_no_mark(study, synthetic, tmp_path, total_only):
    names = ("random", *(f"s{place}" for place in range(8)))
    rows = synthetic.rows(names, seeds=5, metrics=total_only)
    whole = read_results(synthetic.write(tmp_path / "many", rows))
    few = whole.only(["random", "s3"])
    for of in (
        lambda results: headline_table.make_headline(evidence(results, "rooms")),
        lambda results: loss_table.make_table(results, "rooms"),
    ):
        every = dict(of(whole).rows)
        assert marked(of(whole))
        for name, cells in of(few).rows:
            assert [cell.mark for cell in cells] == [cell.mark for cell in every[name]]


def test_random_that_is_hidden_is_not_said_to_be_missing(synthetic, tmp_path, total_only):
    names = ("random", *(f"s{place}" for place in range(8)))
    folder = synthetic.write(tmp_path / "many", synthetic.rows(names, seeds=5, metrics=total_only))
    hidden = read_study(folder).only(names[1:])
    assert not any("is not among" in note for note in loss_table.make_table(hidden.results, "rooms").notes)
    (subject,) = subjects(hidden)
    assert "what differs from random" in emphasis(subject).words


@pytest.mark.parametrize(
    ("pair", "mean"),
    [(("margin", "random"), 0.1), (("margin", "entropy"), 0.2), (("entropy", "margin"), -0.2)],
)
def test_data_that_lack_one_of_two_strategies_say_so(study, pair, mean):
    first = study({"random": curves(0), "entropy": curves(-0.1), "margin": curves(0.1)}, "a", "one")
    second = study({"random": curves(0), "entropy": curves(-0.1)}, "b", "two")
    said = document(pairs(read_studies([first, second]).results, *pair))
    has, lacks = said["datasets"]
    assert has["mean"] == pytest.approx(mean * 25 / 30), "half of the first step, and all of the second"
    assert "no whole trajectory of the same seed" in lacks["text"]
    assert (lacks["seeds"], np.isnan(lacks["mean"])) == ([], True)


def test_facts_of_one_data_set_are_not_another_s(study, synthetic):
    draws = {"random": curves(0), "random[draw=2]": curves(0.02), "random[draw=3]": curves(-0.02)}
    full = {"full-data": {seed: [LEVEL[seed] - 3] for seed in range(5)}}
    first = study(draws | {"entropy": curves(-0.1)} | full, "a", "one")
    second = study({"random": curves(0), "entropy": curves(-0.1)}, "b", "two")
    synthetic.add_experiment(first, dataset="a")
    synthetic.add_experiment(second, dataset="b", full_data=False)
    read = read_studies([first, second])
    of_a, of_b = subjects(read)
    assert of_a.label("random") == "random (mean of 3 draws)"
    assert of_b.label("random") == "random"
    table = loss_table.make_table(read.results, "b")
    assert "random" in [name for name, _ in table.rows]
    assert not any("full-data" in note for note in table.notes)


def test_a_folder_beside_its_own_archive_counts_once(synthetic, study, tmp_path):
    folder, images = study({"random": curves(0)}), tuple(f"image-{number}" for number in range(10))
    rng = np.random.default_rng(0)
    for number in range(5):
        losses = {"total": {"loss": float(3 + rng.normal(0, 0.1))}}
        Store(folder).write(Round("rooms", NOISE_FLOOR, 0, number, "key", images, losses, ""))
    alone = measured_noise.measured(read_study(folder), "rooms")
    pack(synthetic.add_experiment(folder, budgets=[10, 20, 40]), tmp_path / "both.zip")
    both = measured_noise.measured(read_studies([folder, tmp_path / "both.zip"]), "rooms")
    assert [floor.losses for floor in both.floors] == [floor.losses for floor in alone.floors]


def test_a_training_is_known_by_what_it_is():
    one = Round("rooms", "entropy", 0, 1, "key", ("a",), {}, "")
    others = [replace(one, seed=1), replace(one, round=2), replace(one, key="other")]
    assert once([one, *others, one]) == [one, *others]


def test_at_prices_no_chance_of_overlap_is_named(synthetic, tmp_path, total_only):
    rows = synthetic.rows(("random", "entropy"), seeds=2, metrics=total_only)
    folder = synthetic.add_rounds(synthetic.write(tmp_path / "priced", rows), rows)
    free = matrix_tables.overlaps(DatasetResults(read_study(folder), "rooms"))
    assert "Two random choices after one first set: about 0.20" in free.caption
    assert free.short.endswith("by chance 0.20")
    synthetic.add_experiment(folder, costs={"semseg": 2, "depth": 1})
    priced = matrix_tables.overlaps(DatasetResults(read_study(folder), "rooms"))
    assert "chance" not in priced.caption + priced.short
    assert "those who choose more overlap more" in priced.caption


def test_of_many_budgets_it_is_said_how_many_have_a_panel(synthetic, tmp_path, total_only):
    rows = synthetic.rows(("random", "entropy"), 4, range(20, 200, 20), metrics=total_only)
    folder = synthetic.write(tmp_path / "long", rows)
    subject = DatasetResults(read_study(folder), "rooms")
    numbers = paired_difference.minus_random(subject.losses)
    budgets = paired_difference.shown_budgets(numbers)
    assert len(budgets) == 6
    assert "; 6 of 9 budgets" in paired_difference._caption(subject, numbers, budgets)


def test_columns_of_a_sweep_with_other_numbers_of_seeds_say_so(study):
    table = {"random": curves(0), "entropy": curves(-0.1)}
    two = {name: {seed: losses[seed] for seed in range(2)} for name, losses in table.items()}
    found = [
        (Variant({"recipe.iterations": number}), read_study(study(losses, name=str(number))))
        for number, losses in ((1, table), (2, two))
    ]
    for made in sweep_tables.make_tables(found):
        assert "95 % intervals over 2 to 5 seeds, by column; descriptive: too few seeds" in made.caption


def batch(name, seed, fifth):
    losses, notes = {"total": {"loss": 3 + 0.1 * seed - 0.01 * fifth}}, {"fifth": float(fifth), "batch": 0.0}
    key = f"{name} {seed} {fifth}"
    return Round("rooms", name, seed, fifth, key, ("image-1", "image-2"), losses, "", notes=notes)


def test_a_score_of_fewer_seeds_says_how_many(study):
    folder = study({"random": curves(0)})
    seeds_of = {"random": 3, "entropy": 3, "margin": 2}
    for name, seeds in seeds_of.items():
        for seed, fifth in product(range(seeds), [0] if name == "random" else range(1, 6)):
            Store(folder / USEFULNESS).write(batch(name, seed, fifth))
    table = usefulness.table_of(DatasetResults(read_study(folder), "rooms"))
    cells = dict(table.rows)
    assert [cell.seeds for cell in cells["margin"][:5]] == [" [n = 2]"] * 5
    assert not any(cell.seeds for cell in cells["entropy"][:5])
    assert "over 3 seeds, 1 batch of each fifth" in table.notes[0]


def test_a_first_network_that_two_processors_trained_has_no_panel(study):
    folder = study({"random": curves(0), "entropy": curves(-0.1, first=0.0004)})
    numbers = paired_difference.minus_random(DatasetResults(read_study(folder), "rooms").losses)
    assert paired_difference.shown_budgets(numbers) == [20, 40]
    other = study({"random": curves(0), "entropy": curves(-0.1, first=0.1)}, name="other")
    numbers = paired_difference.minus_random(DatasetResults(read_study(other), "rooms").losses)
    assert paired_difference.shown_budgets(numbers) == [10, 20, 40]
