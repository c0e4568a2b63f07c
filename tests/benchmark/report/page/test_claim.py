"""The claim of a page: one honest sentence, whatever the results are."""

import re
from dataclasses import replace

import numpy as np
import pytest

from benchmark.report.page import render_page
from benchmark.report.page.claim import claim
from benchmark.report.results.study import read_study
from benchmark.report.statistics.dataset_statistics import evidence


@pytest.fixture
def losses(synthetic, tmp_path):
    """A study from ``{strategy: {seed: [loss at 10, 20, 40 labels of 100]}}``; ``full-data`` at 100."""

    def make(table):
        budgets = {"full-data": [100]}
        rows = [
            ("rooms", name, seed, number, budgets.get(name, [10, 20, 40])[number], "total", "loss", value)
            for name, seeds in table.items()
            for seed, values in seeds.items()
            for number, value in enumerate(values)
        ]
        return read_study(synthetic.write(tmp_path / "results", rows, pool=100))

    return make


def said(study):
    return claim(evidence(study.results, "rooms"))


RANDOM = {0: [4.0, 3.0, 2.0], 1: [4.2, 3.1, 2.2], 2: [4.1, 3.0, 2.0], 3: [4.0, 2.9, 2.1]}
BETTER = {0: [4.0, 2.0, 1.0], 1: [4.2, 2.2, 1.3], 2: [4.1, 2.1, 1.0], 3: [4.0, 2.0, 1.1]}
FULL = {seed: [1.5] for seed in range(4)}


def first(table, seeds):
    return {seed: table[seed] for seed in range(seeds)}


def test_the_claim_is_the_best_strategys_with_its_interval_and_randoms(losses):
    study = losses({"random": RANDOM, "entropy": BETTER, "full-data": FULL})
    labels = evidence(study.results, "rooms").needed["entropy"]
    low, needed, high = (f"{100 * value:.3g} %" for value in (labels.low, labels.needed, labels.high))
    found = said(study)
    tested, _, reached = found.sentence.partition(". ")
    assert re.fullmatch(
        r"Better than random beyond doubt: entropy \(-\d\.\d+, p (= 0\.\d+|< 0\.001)\)", tested
    )
    assert reached == (
        f"entropy reaches the full-data loss at {needed} of labels ({low} to {high}, 95 %); random does not "
        "reach the full-data loss by 40 % of labels."
    )
    assert needed == f"{20 + 20 * 0.575 / 0.975:.3g} %"
    areas = [[np.trapezoid(values, [10, 20, 40]) / 30 for values in t.values()] for t in (BETTER, RANDOM)]
    difference = float(re.search(r": ([+-][\d.]+) \(95 %", found.notes[0])[1])
    assert difference == pytest.approx(np.mean(areas[0]) - np.mean(areas[1]), abs=6e-4)
    assert "a difference is shown (paired t test" in found.notes[0]


def test_losses_that_are_shown_are_said_before_what_rests_on_means(losses):
    """The lowest mean is a tie with random; what is beyond doubt is that another one loses."""
    tied = {0: [4.0, 2.9, 2.1], 1: [4.2, 3.1, 2.1], 2: [4.1, 3.1, 1.9], 3: [4.0, 2.8, 2.1]}
    worse = {
        seed: [first, *(value + 1 + seed / 50 for value in rest)] for seed, (first, *rest) in RANDOM.items()
    }
    found = said(losses({"random": RANDOM, "tied": tied, "worse": worse, "full-data": FULL}))
    head = r"No strategy is better than random beyond doubt; worse: worse \(\+0\.\d+, p < 0\.001\)\. "
    assert re.match(head, found.sentence)
    assert "tied has the lowest mean" in found.sentence
    alone = said(losses({"random": RANDOM, "tied": tied, "full-data": FULL}))
    assert alone.sentence.startswith("No strategy differs from random beyond doubt. ")


@pytest.mark.parametrize(("seeds", "words"), [(1, "With one seed, which describes"), (2, "With 2 seeds")])
def test_few_seeds_are_said_in_the_claim_itself(losses, seeds, words):
    table = {"random": first(RANDOM, seeds), "entropy": first(BETTER, seeds), "full-data": first(FULL, seeds)}
    found = said(losses(table))
    assert found.sentence.startswith(words)
    assert re.search(r"ranks? nothing", found.sentence)
    assert ("one seed, no interval" in found.sentence) == (seeds == 1)
    assert "too few seeds for a test" in found.notes[0]


def test_where_nothing_reaches_the_full_data_loss_the_claim_says_so(losses):
    low = {seed: [0.5] for seed in range(4)}
    found = said(losses({"random": RANDOM, "entropy": BETTER, "full-data": low}))
    assert ". No strategy reaches the full-data loss by 40 % of labels; entropy has" in found.sentence


def test_where_another_than_the_best_reaches_it_both_are_named(losses):
    late = {seed: [4.5, 4.5, 0.4] for seed in range(4)}
    study = losses({"random": RANDOM, "entropy": BETTER, "late": late, "full-data": {s: [0.9] for s in FULL}})
    assert "entropy has the lowest mean loss" in said(study).sentence
    assert "late reaches the full-data loss at" in said(study).sentence


def test_no_room_is_said_first(losses):
    full = {seed: [2.9] for seed in range(4)}
    found = said(losses({"random": RANDOM, "entropy": BETTER, "full-data": full}))
    assert found.sentence.startswith("No room: after the first budget random has no higher losses")
    assert "A gap that is not above 0 has no shares." in found.notes[1]


def test_the_difference_is_told_as_a_share_of_the_gap(losses):
    study = losses({"random": RANDOM, "entropy": BETTER, "full-data": FULL})
    found = evidence(study.results, "rooms")
    share = 100 * found.against_random[0].mean / found.gap.mean
    assert f", {share:+.0f} % of the gap to full data (" in said(study).notes[0]
    assert f"at every later budget: {found.gap.mean:.3f} (95 %" in said(study).notes[1]


def test_what_the_shared_first_budget_has_nobody_reaches_first(losses):
    high = {seed: [4.3] for seed in range(4)}
    found = said(losses({"random": RANDOM, "entropy": BETTER, "full-data": high}))
    assert "entropy has the lowest mean loss over the budgets; the first 10 % of labels" in found.sentence
    assert "no strategy needs fewer than another" in found.sentence


def test_no_strategy_reaches_is_not_said_where_a_mean_lies_below_the_line(losses):
    dips = {seed: [4.0, 1.4, 2.0] for seed in range(4)}
    found = said(losses({"random": RANDOM, "dips": dips, "full-data": FULL}))
    assert "No strategy" not in found.sentence
    assert "single means lie below the full-data loss (dips at 20 %)" in found.sentence


def test_of_a_choice_of_strategies_the_claim_says_that_it_is_one(losses):
    """With the p value that the whole experiment gives."""
    table = {"random": RANDOM, "late": {seed: [4.0, 3.3, 2.0] for seed in range(4)}, "entropy": BETTER}
    study = losses(table | {"full-data": FULL})
    found = said(study.only(["late"]))
    assert "Not shown, by choice, and counted in every correction: entropy, random." in " ".join(found.notes)
    assert "corrected for the 2 comparisons with random" in found.notes[0]
    assert "is not among the strategies" not in " ".join(found.notes)
    low = said(study.only(["late", "random"]))
    assert "No strategy that is shown has a lower mean loss" in low.sentence


def test_where_random_is_best_the_claim_says_so(losses):
    found = said(losses({"random": BETTER, "entropy": RANDOM, "full-data": FULL}))
    assert "No strategy has a lower mean loss over the budgets than random; random" in found.sentence


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"random": RANDOM, "entropy": BETTER}, "no network trained on everything is there"),
        ({"entropy": BETTER, "full-data": FULL}, "random is not among the strategies"),
        ({"random": RANDOM, "entropy": {0: BETTER[0]}, "full-data": FULL}, "not finished: entropy"),
        ({"a": {0: BETTER[0]}, "b": {1: BETTER[1]}}, "No strategy has a result at every budget"),
    ],
)
def test_what_is_missing_is_said(losses, table, words):
    study = losses(table)
    assert words in " ".join([said(study).sentence, *said(study).notes])
    assert render_page(study, {})


def test_one_budget_makes_no_claim(losses):
    assert said(losses({"random": {seed: [4.0] for seed in range(4)}})).sentence.startswith(
        "With one budget there is no curve"
    )


def test_a_reference_is_never_the_best(losses):
    study = losses({"random": RANDOM, "oracle": BETTER, "full-data": FULL})
    study = replace(study, results=replace(study.results, references=frozenset({"oracle"})))
    assert "oracle" not in said(study).sentence
    assert said(study).sentence.startswith("No strategy reaches the full-data loss")
