"""The noise: one labelled set, several trainings, and several sets; what their spread says of a study."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmark.protocol.references.noise_floor import measure_noise
from benchmark.protocol.train_and_evaluate import fit
from benchmark.protocol.trajectory import run_trajectory
from benchmark.records.results_folder import write_head, write_noise_head
from benchmark.records.round_store import NOISE_SELECTION, Round
from benchmark.report import write_report
from benchmark.report.formats.table import MISSING
from benchmark.report.statistics.paired_tests import detectable_difference
from benchmark.report.validity.measured_noise import (
    Noise,
    floors,
    make_table,
    noise_note,
    noise_of,
    noise_text,
)
from benchmark.training.train import weights_digest
from benchmark.untrusted_files import read_fields
from strategies.registry import resolve


def test_one_labelled_set_is_trained_with_other_seeds_and_only_once(small_bench, tmp_path, monkeypatch):
    bench = small_bench(tmp_path, budgets=[4, 7])
    measure_noise(bench, 2)
    rounds = bench.store.noise_rounds("rooms")
    assert [(len(done.labelled), done.seed) for done in rounds] == [(4, 0), (7, 0), (4, 1), (7, 1)]
    assert len({done.labelled for done in rounds}) == 2
    assert len({done.weights_digest for done in rounds}) == 4
    assert set(rounds[0].labelled) < set(rounds[1].labelled)
    assert rounds[0].labelled == tuple(bench.dataset.train.ids[i] for i in bench.first_set(0))

    monkeypatch.setattr(
        "benchmark.protocol.references.noise_floor.fit", lambda *_: pytest.fail("trained again")
    )
    measure_noise(bench, 2)


def test_other_images_are_trained_after_the_first_set_as_strategies_of_one_seed_are(small_bench, tmp_path):
    """What random draws for itself, trained with the same streams, gives the same weights."""
    bench = small_bench(tmp_path, budgets=[4, 7, 10], strategies=["random"])
    measure_noise(bench, 3)
    first, draws = bench.store.noise_rounds("rooms")[0], bench.store.noise_rounds("rooms", NOISE_SELECTION)
    assert [(done.seed, len(done.labelled)) for done in draws] == [(1, 7), (1, 10), (2, 7), (2, 10)]
    assert all(done.labelled[:4] == first.labelled for done in draws)
    assert set(draws[0].labelled) < set(draws[1].labelled)
    assert len({done.labelled for done in draws if len(done.labelled) == 7}) == 2
    run_trajectory(bench, resolve("random"), 0)
    second = bench.store.read("rooms", "random", 0, 1)
    again = fit(bench, np.array([bench.position_of[i] for i in second.labelled]), bench.streams(0, 1))
    assert weights_digest(again.trained.network) == second.weights_digest
    other = fit(bench, np.array([bench.position_of[i] for i in draws[0].labelled]), bench.streams(0, 1))
    assert weights_digest(other.trained.network) == draws[0].weights_digest


def test_the_floor_is_no_trajectory(small_bench, tmp_path):
    bench = small_bench(tmp_path, budgets=[4, 7])
    measure_noise(bench, 1)
    assert list(bench.store.rounds()) == []
    assert bench.store.write_results().read_text().count("\n") == 1


def trained(labelled, losses, part="noise-floor"):
    ids = tuple(map(str, range(labelled)))
    return [
        Round("rooms", part, seed, 0, "key", ids, {"total": {"loss": loss}}, "")
        for seed, loss in enumerate(losses)
        if loss is not None
    ]


def test_the_deviation_and_its_interval_by_hand():
    (floor,) = floors(trained(10, [1.0, 1.2, 0.8, 1.0]))
    assert floor.deviation == pytest.approx(math.sqrt(0.08 / 3))
    squares = np.array([floor.low, floor.high]) ** 2
    np.testing.assert_allclose(3 * floor.deviation**2 / squares, stats.chi2.ppf([0.975, 0.025], 3))


def test_the_text_names_the_gain_of_a_step_and_what_seeds_can_show():
    found = noise_of(trained(20, [0.5, 0.6]) + trained(10, [1.0, 1.2]), [])
    text = noise_text(found, 100)
    assert "10 % (10)" in text
    assert "0.5500" in text  # from 1.1 to .55
    assert "10 seeds" in text
    assert "run `mtal noise` again" in text  # the choice of images is not in it


REPEATS = trained(10, [1.0, 3.0, 2.0]) + trained(20, [0.5, 0.6, 0.9]) + trained(40, [0.3, 0.5, 0.1])
DRAWS = trained(20, [None, 0.8, 0.7], "noise-selection") + trained(40, [None, 0.6, 0.2], "noise-selection")


def test_it_concludes_on_paired_differences_of_naubc_without_the_shared_budget():
    """However noisy the first budget: no difference of two strategies has any of it."""
    found = noise_of(REPEATS, DRAWS)
    weights = np.array([15, 10]) / 30  # of 20 and 40 labels in the trapezoid of 10, 20, 40
    areas = np.array([[0.5, 0.3], [0.6, 0.5], [0.9, 0.1]]) @ weights
    chosen = np.array([[0.5, 0.3], [0.8, 0.6], [0.7, 0.2]]) @ weights  # repeat 0 is a draw as well
    assert found.training.deviation == pytest.approx(math.sqrt(2) * areas.std(ddof=1))
    assert found.paired.deviation == pytest.approx(math.sqrt(2) * chosen.std(ddof=1))
    low = found.paired.deviation * math.sqrt(2 / stats.chi2.ppf(0.975, 2))
    assert found.paired.low == pytest.approx(low)
    noisier = noise_of(trained(10, [1.0, 300.0, 2.0]) + REPEATS[3:], DRAWS)
    assert noisier.paired == found.paired
    assert noisier.training == found.training
    text = noise_text(found, 100)
    assert f"by a standard deviation of {found.paired.words}, the choice of images included" in text
    assert f"5 seeds {detectable_difference(found.paired.deviation, 5):.4f}" in text


def test_what_seeds_can_show_is_at_the_level_of_the_family_and_against_the_mean_of_draws():
    found = noise_of(REPEATS, DRAWS, comparisons=4, of_random=3)
    one = found.paired.deviation / math.sqrt(2)
    assert found.detectable(5) == pytest.approx(detectable_difference(one * math.sqrt(4 / 3), 5, 0.05 / 4))
    text = noise_text(found, 100)
    assert "to the mean of 3 draws of random" in text
    assert "corrected for 4 comparisons" in text


@pytest.mark.parametrize("seeds", [5])
def test_two_strategies_that_choose_at_random_differ_by_what_is_said(seeds):
    """Simulated: what draws of one seed spread by is what paired differences over seeds spread by."""
    rng = np.random.default_rng(seeds)
    weights, found, true = np.array([15, 10]) / 30, [], math.sqrt(2) * 0.2 * math.hypot(15, 10) / 30
    for _ in range(400):
        draws = rng.normal(1, 0.2, (seeds, 2))
        rounds = [
            done
            for size, losses in zip((20, 40), draws.T, strict=True)
            for done in trained(size, losses.tolist(), "noise-selection")
        ]
        found.append(noise_of(trained(10, [1.0]), rounds).paired.deviation ** 2)
    one, other = rng.normal(1, 0.2, (2, 4000, 2)) @ weights
    assert np.sqrt(np.mean(found)) == pytest.approx(true, rel=0.06)
    assert (one - other).std() == pytest.approx(true, rel=0.05)


def test_the_table_says_the_same_as_the_text():
    found = noise_of(trained(20, [0.5, 0.6]) + trained(10, [1.0, 1.2]) + trained(30, [0.5]), [])
    table = make_table("rooms", found, 100)
    assert [name for name, _ in table.rows] == ["10 % (10)", "20 % (20)", "30 % (30)"]
    assert [[cell.mean for cell in cells] for _, cells in table.rows] == [
        ["2", "1.1000", "0.1414", ""],
        ["2", "0.5500", "0.0707", "0.5500"],
        ["1", "0.5000", MISSING, "0.0500"],
    ]
    text = noise_text(found, 100)
    assert all(cells[2].spread.strip(" ()") in text for _, cells in table.rows)
    assert all(note in text for note in table.notes)


@pytest.mark.slow
def test_the_report_of_the_same_folder_prints_the_noise(small_bench, tmp_path):
    bench = small_bench(tmp_path, budgets=[4, 7], strategies=["random"], full_data=False)
    measure_noise(bench, 2)
    run_trajectory(bench, resolve("random"), 0)
    bench.store.write_results()
    write_head(bench.experiment, bench, tmp_path, {})
    written = write_report(tmp_path)
    assert "rooms: Noise: Two strategies that choose as random does differ in NAUBC" in written.text
    assert (tmp_path / "tables" / "noise_floor.csv").read_text().count("\n") == 3


def test_a_folder_with_nothing_but_noise_makes_a_report(small_bench, tmp_path):
    bench = small_bench(tmp_path, budgets=[4, 7], strategies=["random", "entropy", "core-set"])
    write_noise_head(bench, tmp_path)
    measure_noise(bench, 2)
    written = write_report(tmp_path)
    assert written.text.startswith("rooms: Noise: Two strategies that choose as random does")
    assert "corrected for 2 comparisons" in written.text
    page = (tmp_path / "index.html").read_text()
    assert "rooms: no strategy has a result yet." in page
    assert 'id="noise-alone-0"' in page
    assert not (tmp_path / "tables" / "headline.csv").exists()


def test_a_run_after_the_noise_is_of_its_own_strategies_and_seeds(small_bench, tmp_path):
    """What was only planned for is no result that the folder must go on with."""
    write_noise_head(small_bench(tmp_path, strategies=["random", "entropy"], seeds=[0, 1]), tmp_path)
    bench = small_bench(tmp_path, strategies=["random"], seeds=[7])
    write_head(bench.experiment, bench, tmp_path, {})
    fields = read_fields(tmp_path / "experiment.yaml")
    assert (fields["strategies"], fields["seeds"]) == (["random"], [7])
    run_trajectory(bench, resolve("random"), 7)
    more = small_bench(tmp_path, strategies=["entropy"], seeds=[8])
    write_head(more.experiment, more, tmp_path, {})
    fields = read_fields(tmp_path / "experiment.yaml")
    assert (fields["strategies"], fields["seeds"]) == (["random", "entropy"], [7, 8])


def test_one_training_has_no_spread_and_none_is_said():
    assert "Two trainings or more" in noise_text(noise_of(trained(10, [1.0]), []), 100)
    assert "No training" in noise_text(Noise((), None, None), 100)
    assert noise_note(noise_of(trained(10, [1.0, 1.2]), []), 100).endswith("of 0.141 at 10 % (10).")
