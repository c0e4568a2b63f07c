"""The noise floor: one labelled set, several trainings; what its spread says of a study."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmark.noise import measure_noise
from benchmark.report import write_report
from benchmark.report.cells import MISSING
from benchmark.report.noise import floors, make_table, noise_note, noise_text
from benchmark.run import write_head
from benchmark.store import Round
from benchmark.trajectory import run_trajectory
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

    monkeypatch.setattr("benchmark.noise.fit", lambda *_: pytest.fail("trained again"))
    measure_noise(bench, 2)


def test_the_floor_is_no_trajectory(small_bench, tmp_path):
    bench = small_bench(tmp_path, budgets=[4, 7])
    measure_noise(bench, 1)
    assert list(bench.store.rounds()) == []
    assert bench.store.write_results().read_text().count("\n") == 1


def trained(labelled, losses):
    return [
        Round(
            "rooms",
            "noise-floor",
            seed,
            0,
            "key",
            tuple(map(str, range(labelled))),
            {"total": {"loss": loss}},
            "",
        )
        for seed, loss in enumerate(losses)
    ]


def test_the_deviation_and_its_interval_by_hand():
    (floor,) = floors(trained(10, [1.0, 1.2, 0.8, 1.0]))
    assert floor.deviation == pytest.approx(math.sqrt(0.08 / 3))
    squares = np.array([floor.low, floor.high]) ** 2
    np.testing.assert_allclose(3 * floor.deviation**2 / squares, stats.chi2.ppf([0.975, 0.025], 3))


def test_the_text_names_the_gain_of_a_step_and_what_seeds_can_show():
    found = floors(trained(20, [0.5, 0.6]) + trained(10, [1.0, 1.2]))
    text = noise_text(found, 100)
    assert "10 % (10)" in text
    assert "0.5500" in text  # from 1.1 to .55
    assert "10 seeds" in text
    assert noise_note(found, 100).endswith("0.141 at 10 % (10); 0.0707 at 20 % (20).")


def test_the_table_says_the_same_as_the_text():
    found = floors(trained(20, [0.5, 0.6]) + trained(10, [1.0, 1.2]) + trained(30, [0.5]))
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


def test_the_report_of_the_same_folder_prints_the_floor(small_bench, tmp_path):
    bench = small_bench(tmp_path, budgets=[4, 7], strategies=["random"], full_data=False)
    measure_noise(bench, 2)
    run_trajectory(bench, resolve("random"), 0)
    bench.store.write_results()
    write_head(bench.experiment, bench, tmp_path, {})
    written = write_report(tmp_path)
    assert "rooms: Noise floor: one labelled set trained with 2 training seeds" in written.text
    assert (tmp_path / "tables" / "noise_floor.csv").read_text().count("\n") == 3


def test_one_training_has_no_spread_and_none_is_said():
    assert "Two trainings or more" in noise_text(floors(trained(10, [1.0])), 100)
    assert "No training" in noise_text([], 100)
