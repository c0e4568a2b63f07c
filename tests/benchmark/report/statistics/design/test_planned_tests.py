"""What a plan decides of results, against decisions by hand and simulated studies."""

import math

import numpy as np
import pandas as pd
import pytest
from planned_studies import simulated
from scipy import stats

from benchmark.experiment.study_plan import validated_plan
from benchmark.report.statistics.design.group_sequential import GroupSequential
from benchmark.report.statistics.design.max_t import max_t
from benchmark.report.statistics.design.planned_tests import planned
from benchmark.report.statistics.design.planned_words import decided, of_comparison, planned_notes
from benchmark.report.statistics.full_data_gap import FullDataGap
from benchmark.report.statistics.holm_family import holm

FIELDS = {
    "dataset": "rooms",
    "budgets": [10, 20],
    "family": ["a"],
    "difference": 0.1,
    "margin": None,
    "seeds": list(range(20)),
    "looks": [5, 10, 20],
}
SEEDS = range(20)


def plan(**changes):
    return validated_plan(FIELDS | changes, "test")


def gap_of(seeds=SEEDS, size=1.0):
    by_seed = {seed: size + 0.1 * (-1) ** seed for seed in seeds}
    return FullDataGap(size, size, size, len(by_seed), {}, by_seed)


def values(**differences):
    """NAUBC by strategy: random, and others by their differences to it, seed by seed."""
    random = 1 + 0.3 * np.sin(np.arange(40))
    columns = {"random": (random, 40)} | {
        name: (random[: len(d)] + np.asarray(d), len(d)) for name, d in differences.items()
    }
    return pd.DataFrame(
        [
            {"dataset": "rooms", "strategy": name, "seed": seed, "value": column[seed]}
            for name, (column, count) in columns.items()
            for seed in range(count)
        ]
    )


def only(found):
    (one,) = found.decisions
    return one


def noise(count, seed=0, mean=0.0, spread=0.1):
    return np.random.default_rng(seed).normal(mean, spread, count)


def test_no_look_before_its_seeds_are_there():
    found = planned(plan(), values(a=noise(4, mean=-9)), gap_of())
    assert (only(found).status, only(found).seeds) == ("open", 0)
    assert (found.next_look, found.there) == (5, 4)
    assert math.isnan(only(found).holm)
    assert "the first look is at 5 seeds, 4 are whole" in decided(found, 3)


def test_seeds_between_looks_change_nothing():
    differences = noise(20, mean=-0.02)
    declared = plan(margin=0.001)
    five, nine = (planned(declared, values(a=differences[:n]), gap_of()) for n in (5, 9))
    assert only(five) == only(nine)
    assert (five.next_look, nine.next_look, nine.there) == (10, 10, 9)
    assert "undecided yet" in decided(nine, 3)


def test_a_look_is_a_t_test_at_the_level_of_its_bound():
    differences = noise(10, mean=-0.09)
    one = only(planned(plan(), values(a=differences), gap_of()))
    design = GroupSequential((5, 10, 20))
    p = [stats.ttest_1samp(differences[:n], 0).pvalue for n in (5, 10)]
    assert p[0] > design.levels(0.05)[0]
    assert one.holm == pytest.approx(min(design.overall(p[0], 0), design.overall(p[1], 1)))
    assert (one.status == "better") == (p[1] <= design.levels(0.05)[1])
    low, high = stats.t.interval(1 - design.levels(0.05)[1], 9, differences.mean(), stats.sem(differences))
    assert (one.low, one.high) == pytest.approx((low, high))


def test_what_is_decided_stays_whatever_comes_after():
    differences = np.concatenate([noise(10, mean=-0.2), noise(10, mean=5)])
    found = planned(plan(), values(a=differences), gap_of())
    assert (only(found).status, only(found).seeds, found.next_look) == ("better", 10, None)
    assert "a is better than random" in decided(found, 3)
    assert "10 of 20 seeds" in decided(found, 3)


def test_worse_on_two_sides_and_never_on_one():
    two = planned(plan(looks=[20]), values(a=noise(20, mean=0.4)), gap_of())
    one = planned(plan(looks=[20], one_sided=True), values(a=noise(20, mean=0.4)), gap_of())
    assert (only(two).status, only(one).status) == ("worse", "undecided")
    assert "no gain is shown" in decided(one, 3)
    gain = noise(20, mean=-0.05)
    found = only(planned(plan(looks=[20], one_sided=True), values(a=gain), gap_of()))
    assert found.holm == pytest.approx(stats.ttest_1samp(gain, 0, alternative="less").pvalue)


def test_equivalent_within_the_margin_and_undecided_without():
    differences = noise(20, spread=0.05)
    with_margin = planned(plan(margin="10 % of the gap"), values(a=differences), gap_of())
    assert only(with_margin).status == "equivalent"
    assert "equivalent within 10 % of the gap" in decided(with_margin, 3)
    without = planned(plan(), values(a=differences), gap_of())
    assert only(without).status == "undecided"
    assert "no difference is shown" in decided(without, 3)
    # Five seeds are a look, and of two of them nobody knows what the margin is: they are not whole.
    unknown = planned(plan(margin="10 % of the gap"), values(a=differences), gap_of(range(3)))
    assert (only(unknown).status, only(unknown).seeds, unknown.there) == ("open", 0, 3)
    assert "is not tested yet: the first look is at 5 seeds, 3 are whole" in decided(unknown, 3)
    fixed = planned(plan(margin=0.1), values(a=differences), gap_of(range(0)))
    assert only(fixed).status == "equivalent"


@pytest.mark.parametrize("correction", ["holm", "max-t"])
def test_a_family_is_corrected_as_declared(correction):
    columns = {name: noise(20, at, -0.05, 0.07) for at, name in enumerate("abc")}
    found = planned(plan(family=list("abc"), looks=[20], correction=correction), values(**columns), gap_of())
    p = [stats.ttest_1samp(column, 0).pvalue for column in columns.values()]
    assert [one.holm for one in found.decisions] == pytest.approx(holm(p))
    largest = max_t(np.column_stack(list(columns.values()))).corrected
    assert [one.max_t for one in found.decisions] == pytest.approx(largest)
    for one in found.decisions:
        assert (one.status == "better") == ((one.holm if correction == "holm" else one.max_t) <= 0.05)


def test_a_decided_strategy_needs_no_further_seeds():
    columns = {"a": noise(10, 0, -0.2), "b": noise(20, 1, -0.02)}
    found = planned(plan(family=["a", "b"]), values(**columns), gap_of())
    assert [one.seeds for one in found.decisions] == [10, 20]
    waiting = planned(plan(family=["a", "b"]), values(a=noise(20, 0, -0.2), b=noise(10, 1)), gap_of())
    assert waiting.next_look == 20
    assert [one.status for one in waiting.decisions] == ["better", "open"]


def test_seeds_that_are_not_planned_count_for_nothing():
    differences = noise(30, mean=-0.03)
    found = planned(plan(margin=0.001), values(a=differences), gap_of(range(30)))
    same = planned(plan(margin=0.001), values(a=differences[:20]), gap_of())
    assert only(found) == only(same)
    assert found.beyond[:2] == (20, 21)
    assert any("does not name count for none" in note for note in planned_notes(found, gap_of(), 3))


def test_a_seed_that_lacks_draws_waits_as_one_that_lacks_a_strategy():
    """Else a look would be one before its last draws are there, and another one after."""
    differences = noise(20, mean=-0.2)
    waiting = planned(plan(references=3, margin=0.001), values(a=differences), gap_of(), lacking={4, 17})
    assert (only(waiting).seeds, waiting.there, waiting.next_look) == (0, 4, 5)
    assert any(
        "4 are whole (3 draws of random included)" in note for note in planned_notes(waiting, gap_of(), 3)
    )
    at_the_next = planned(plan(references=3, margin=0.001), values(a=differences), gap_of(), lacking={17})
    assert only(at_the_next).seeds in (5, 10)
    whole = planned(plan(references=3, margin=0.001), values(a=differences), gap_of())
    assert only(whole) == only(at_the_next)


def test_a_small_difference_that_is_shown_is_said_to_be_small_too():
    differences = noise(20, mean=0.04, spread=0.02)
    one = planned(plan(margin=0.1, looks=[20]), values(a=differences), gap_of())
    assert only(one).status == "worse"
    assert decided(one, 3).endswith("20 of 20 seeds), by less than 0.1 (p < 0.001)")
    without = planned(plan(margin=0.03, looks=[20]), values(a=differences), gap_of())
    assert decided(without, 3).endswith("20 of 20 seeds)")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"looks": [20]}, "95 % interval +"),
        ({}, "95 % interval over all looks "),
        ({"looks": [20], "family": ["a", "b"]}, "95 % interval of the family "),
        ({"family": ["a", "b"]}, "95 % interval over all looks and of the family "),
        ({"looks": [20], "one_sided": True}, "90 % interval +"),
    ],
)
def test_an_interval_is_called_what_it_is(changes, name):
    found = planned(plan(**changes), values(a=noise(20, mean=0.2), b=noise(20, 1)), gap_of())
    assert name in decided(found, 3)


def test_numbers_for_machines_are_those_of_the_words():
    found = planned(plan(correction="max-t"), values(a=noise(20, mean=-0.2)), gap_of())
    numbers, turned = found.numbers("a", "random"), found.numbers("random", "a")
    assert (numbers["plan_status"], numbers["plan_p"]) == ("better", only(found).max_t)
    assert (turned["plan_status"], turned["plan_p"]) == ("worse", only(found).max_t), "seen from random"
    assert turned["plan_mean"] == -numbers["plan_mean"]
    assert (turned["plan_low"], turned["plan_high"]) == (-numbers["plan_high"], -numbers["plan_low"])
    assert set(found.numbers("b", "random").values()) == {None}


def test_changes_are_said_first():
    found = planned(plan(), values(a=noise(20)), gap_of(), ["it was changed after 3 rounds"])
    assert decided(found, 3).startswith("The plan was not there before all results.")
    assert any("no confirmation" in note for note in planned_notes(found, gap_of(), 3))


def test_a_pair_is_found_either_way_round_and_others_are_not():
    found = planned(plan(), values(a=noise(20), b=noise(20)), gap_of())
    assert of_comparison(found, "a", "random", 3) == of_comparison(found, "random", "a", 3)
    assert of_comparison(found, "b", "random", 3) is None


@pytest.mark.parametrize(("bound", "correction"), [("obrien-fleming", "holm"), ("pocock", "max-t")])
def test_false_positives_and_coverage_of_a_family_with_looks(bound, correction):
    """Three comparisons, three looks: at most one study of twenty says something wrong."""
    found = simulated(80, bound=bound, correction=correction)
    limit = 3 * math.sqrt(0.05 * 0.95 / 80)
    assert found.wrong <= 0.05 + limit
    assert found.held >= 0.95 - limit


def test_equivalence_is_not_claimed_of_a_difference_at_the_margin():
    assert simulated(60, size=1, true=0.1, margin=0.1, looks=(6, 12)).equivalent <= 0.05 + 0.09
