"""What a study says of its controls: told from random by its own seeds, or a warning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.study import read_study
from benchmark.report.validity.controls import SENTENCE, control_checks
from benchmark.report.validity.labels_matter import checks_of

SPREAD, PACKED = "known-groups", "known-groups[order=packed]"


@pytest.fixture
def said(synthetic, tmp_path):
    """The sentences on total losses: random's, and by control how much it differs from those by seed."""

    def of(differences, seeds=5, random=True, more=()):
        rng = np.random.default_rng(0)
        base = {seed: 1 + 0.1 * rng.random(3) for seed in range(seeds)}
        table = {"random": {seed: list(loss) for seed, loss in base.items()}} if random else {}
        for name, values in differences.items():
            table[name] = {seed: list(base[seed] + values[seed]) for seed in range(seeds)}
        rows = [*synthetic.losses(table), *more]
        folder = synthetic.write(tmp_path, rows, pool=100)
        about = {n: {"family": "control", "reference": True} for n in differences}
        synthetic.add_facts(folder, strategies=about | {"random": {"family": "random", "reference": False}})
        return DatasetResults(read_study(folder), "rooms")

    return of


SURE = {SPREAD: [-0.2, -0.21, -0.19, -0.2, -0.22], PACKED: [0.3, 0.31, 0.33, 0.3, 0.29]}


def test_controls_that_are_told_from_random_are_facts(said):
    (found,) = control_checks(said(SURE))
    low, high = stats.t.interval(0.95, 4, np.mean(SURE[SPREAD]), stats.sem(SURE[SPREAD]))
    assert f"known-groups {np.mean(SURE[SPREAD]):+.4g} ({low:+.4g} to {high:+.4g})" in found.text
    assert "known-groups[order=packed] +0.306 (" in found.text
    assert not found.warning
    assert "not told" not in found.text


def test_one_seed_has_no_interval_in_words(said):
    first, _ = control_checks(said({SPREAD: [-0.2]}, seeds=1))
    assert "known-groups -0.2 (1 seed, no interval, not told from random)" in first.text


@pytest.mark.parametrize(
    ("spread", "seeds", "words"),
    [
        ([-0.2, 0.3, -0.1, 0.2, 0.0], 5, "known-groups cannot be told from random in total loss by 5 seeds"),
        (SURE[SPREAD], 3, "known-groups and known-groups[order=packed] cannot be told from random"),
    ],
)
def test_a_control_that_random_equals_is_a_warning(said, spread, seeds, words):
    _, warning = control_checks(said(SURE | {SPREAD: spread}, seeds))
    assert warning.warning
    assert words in warning.text
    assert warning.text.endswith(SENTENCE)


def test_without_random_nothing_is_told(said):
    (warning,) = control_checks(said(SURE, random=False))
    assert warning.warning
    assert "random, which was not run" in warning.text


def test_a_study_without_controls_says_nothing_of_them(said):
    assert list(control_checks(said({}))) == []


def test_one_control_that_shows_in_rare_classes_is_enough(said):
    rare = [
        ("rooms", name, seed, number, size, "semseg", "miou_rare", 10 + gain * number + 0.1 * seed)
        for name, gain in (("random", 0), (SPREAD, 0), (PACKED, -2))
        for seed in range(5)
        for number, size in enumerate((10, 20, 40))
    ]
    found = list(control_checks(said(SURE, more=rare)))
    assert [check.warning for check in found] == [False, False]
    assert "known-groups +0 (+0 to +0, not told from random)" in found[1].text


def test_they_stand_among_what_is_said_of_validity(said):
    names = [check.name for check in checks_of(said(SURE))]
    assert "controls minus random, NAUBC of total loss (95 % t interval)" in names
