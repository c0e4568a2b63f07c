"""The headline table: the numbers of the statistics, where they belong."""

import csv
import io
import math

import numpy as np
import pytest
from scipy import stats

from benchmark.report.formats.table import MISSING
from benchmark.report.results.load import read_results
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.tables.headline_table import make_headline, render


@pytest.fixture
def results(synthetic, tmp_path):
    def make(table):
        return read_results(synthetic.write(tmp_path / "results", synthetic.losses(table), pool=100))

    return make


RANDOM = {0: [4.0, 3.0, 2.0], 1: [4.2, 3.1, 2.2], 2: [4.1, 3.0, 2.0], 3: [4.0, 2.9, 2.1]}
BETTER = {0: [4.0, 2.0, 1.0], 1: [4.2, 2.2, 1.3], 2: [4.1, 2.1, 1.0], 3: [4.0, 2.0, 1.1]}
FULL = {seed: [1.5] for seed in range(4)}


def cells(table, name):
    return dict(zip(table.heads, dict(table.rows)[name], strict=True))


def test_the_numbers_by_hand(results):
    """A trajectory 4, 3, 2 at 10, 20, 40 has an area of (35 + 50) / 30."""
    table = make_headline(
        evidence(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}), "rooms")
    )
    assert [name for name, _ in table.rows] == ["entropy", "random"]
    areas = [np.trapezoid(v, [10, 20, 40]) / 30 for v in RANDOM.values()]
    mine = [np.trapezoid(v, [10, 20, 40]) / 30 for v in BETTER.values()]
    found = cells(table, "entropy")
    assert float(found["NAUBC"].mean) == pytest.approx(np.mean(mine), abs=6e-4)
    assert found["NAUBC"].mark == "best"
    assert float(found["minus random"].mean) == pytest.approx(np.mean(np.subtract(mine, areas)), abs=6e-4)
    assert found["p (Holm)"].mean == "< 0.001" or float(found["p (Holm)"].mean) == pytest.approx(
        stats.ttest_rel(mine, areas).pvalue, abs=6e-4
    )
    assert cells(table, "random")["labels for full-data loss"].mean == "> 40 %"
    # From 2.075 at 20 to 1.1 at 40, the full-data loss of 1.5 lies at 20 + 20 * .575 / .975.
    assert found["labels for full-data loss"].mean == f"{20 + 20 * 0.575 / 0.975:.3g} %"
    assert found["labels for random's loss"].mean == "20 %"


def test_two_seeds_are_not_tested_and_the_table_says_so(results):
    two = {seed: RANDOM[seed] for seed in (0, 1)}
    table = make_headline(
        evidence(results({"random": two, "entropy": {s: BETTER[s] for s in (0, 1)}}), "rooms")
    )
    assert cells(table, "entropy")["p (Holm)"].mean == "\N{EN DASH}"
    assert table.notes[0].startswith("2 seeds are descriptive")


def test_without_random_or_full_data_the_rest_is_there(results):
    table = make_headline(evidence(results({"entropy": BETTER}), "rooms"))
    assert cells(table, "entropy")["minus random"].mean == ""
    assert cells(table, "entropy")["labels for full-data loss"].mean == "\N{EN DASH}"


def test_a_trajectory_that_ended_early_is_counted_and_its_mean_never_marked(results):
    short = BETTER | {3: [4.0, 2.0, None]}
    table = make_headline(
        evidence(results({"random": RANDOM, "entropy": short, "core-set": RANDOM}), "rooms")
    )
    assert cells(table, "entropy")["NAUBC"].seeds == " [n = 3]"
    assert {cells(table, name)["NAUBC"].mark for name in ("entropy", "random", "core-set")} == {None}
    whole = make_headline(
        evidence(results({"random": RANDOM, "entropy": BETTER, "core-set": RANDOM}), "rooms")
    )
    assert cells(whole, "entropy")["NAUBC"].mark == "best"


def test_files_hold_the_numbers_unrounded(results):
    files = render(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}))
    rows = {
        row["strategy"]: row for row in csv.DictReader(io.StringIO(files["tables/headline.csv"].decode()))
    }
    found = float(rows["entropy"]["labels_for_full_data_needed"])
    assert found == pytest.approx((20 + 20 * 0.575 / 0.975) / 100)
    assert math.isinf(float(rows["random"]["labels_for_full_data_needed"]))
    assert files["tables/naubc.csv"].count(b"\n") == 9
    assert "NAUBC" in files["tables/headline.md"].decode()
    assert files == render(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}))


def test_a_run_of_which_only_full_data_is_done_has_no_headline_yet(results):
    files = render(results({"full-data": FULL}))
    assert "NAUBC" not in files["tables/headline.md"].decode()
    assert len(files["tables/naubc.csv"].splitlines()) == 1


def many(rng, seeds=5):
    """Six strategies beside random, and the network trained on everything, of realistic losses."""
    first = {seed: float(rng.normal(4, 0.2)) for seed in range(seeds)}
    names = ["random", *(f"s{number}" for number in range(6))]
    curves = {
        name: {
            seed: [first[seed], *(rng.normal([3, 2], 0.1) - 0.05 * place).tolist()] for seed in range(seeds)
        }
        for place, name in enumerate(names)
    }
    return curves | {"full-data": {seed: [float(rng.normal(1.8, 0.05))] for seed in range(seeds)}}


def as_written(results):
    """The columns of the CSV by strategy."""
    rows = csv.DictReader(io.StringIO(render(results)["tables/headline.csv"].decode()))
    return {row["strategy"]: row for row in rows}


@pytest.mark.parametrize("names", [["s0"], ["random", "s3"], ["s1", "s2", "s4"]])
def test_what_is_shown_changes_no_number_and_the_table_says_what_is_not(results, names):
    """Tested alone, a strategy's p would be a sixth of what it is among six."""
    every = results(many(np.random.default_rng(3)))
    found = as_written(every.only(names))
    assert set(found) == set(names)
    assert found == {name: as_written(every)[name] for name in names}
    hidden = sorted({"random", *(f"s{number}" for number in range(6))} - set(names))
    notes = " ".join(make_headline(evidence(every.only(names), "rooms")).notes)
    assert f"Not shown, by choice, and counted in every correction: {', '.join(hidden)}." in notes
    assert "corrected for the 6 comparisons with random" in notes
    assert "Not shown" not in " ".join(make_headline(evidence(every, "rooms")).notes)


def test_what_is_shown_does_not_change_the_range_of_budgets_either(results):
    """Without the others, a strategy that ended early would get an area over fewer budgets."""
    short = {seed: [*values[:2], None] for seed, values in BETTER.items()}
    subset = results({"random": RANDOM, "entropy": short}).only(["entropy"])
    assert evidence(subset, "rooms").budgets == (10, 20, 40)
    assert evidence(subset, "rooms").naubc["naubc"].isna().all()


def test_differences_are_told_as_shares_of_the_gap_to_full_data(results):
    table = make_headline(
        evidence(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}), "rooms")
    )
    areas = [[np.trapezoid(v, [10, 20, 40]) / 30 for v in of.values()] for of in (RANDOM, BETTER)]
    floors = [np.trapezoid([v[0], 1.5, 1.5], [10, 20, 40]) / 30 for v in RANDOM.values()]
    gap = np.mean(areas[0]) - np.mean(floors)
    difference = np.subtract(areas[1], areas[0])
    half = stats.t.ppf(0.975, 3) * stats.sem(difference)
    cell = cells(table, "entropy")["of the gap"]
    assert cell.mean == f"{100 * difference.mean() / gap:+.0f} %"
    assert cell.spread == f" ± {100 * half / gap:.0f}"
    detectable = float(
        as_written(results({"random": RANDOM, "entropy": BETTER, "full-data": FULL}))["entropy"][
            "minus_random_detectable"
        ]
    )
    assert cells(table, "entropy")["detectable"].spread == f" ({100 * detectable / gap:.0f} %)"


@pytest.mark.parametrize(
    ("full", "words"),
    [
        ({seed: [2.9] for seed in range(4)}, "No room: after the first budget random has no higher losses"),
        ({}, "No difference is given as a share of the gap to full data"),
    ],
)
def test_without_a_gap_there_are_no_shares_and_the_table_says_why(results, full, words):
    noisy = {seed: [a, b + 0.3 * (seed % 2), c] for seed, (a, b, c) in RANDOM.items()}
    table = make_headline(evidence(results({"random": RANDOM, "entropy": noisy, "full-data": full}), "rooms"))
    assert cells(table, "entropy")["of the gap"].mean == MISSING
    assert cells(table, "entropy")["detectable"].spread == ""
    assert words in " ".join([table.caption, *table.notes])


def test_labels_of_fewer_seeds_say_of_how_many(results):
    short = BETTER | {3: [4.0, 2.0, None]}
    table = make_headline(evidence(results({"random": RANDOM, "entropy": short, "full-data": FULL}), "rooms"))
    assert cells(table, "entropy")["labels for full-data loss"].seeds == " [n = 3]"
    assert cells(table, "random")["labels for full-data loss"].seeds == ""


def test_what_the_shared_first_budget_has_all_strategies_have(results):
    """A strategy whose losses rise, and one that lacks a seed, share the first budget with the others."""
    rising = {seed: [values[0], 9.0, 9.0] for seed, values in RANDOM.items()}
    short = BETTER | {0: [4.0, 2.0, None]}
    full = {0: [3.0], 1: [4.5], 2: [4.5], 3: [4.5]}
    found = evidence(
        results({"random": RANDOM, "rising": rising, "short": short, "full-data": full}), "rooms"
    )
    assert {labels.needed for labels in found.needed.values()} == {0.1}
    lower = {0: [3.0], 1: [4.3], 2: [4.3], 3: [4.3]}  # over the seeds of short alone it would be reached
    found = evidence(
        results({"random": RANDOM, "rising": rising, "short": short, "full-data": lower}), "rooms"
    )
    assert 0.1 not in {labels.needed for labels in found.needed.values()}


def test_a_mean_below_the_line_that_the_fit_does_not_believe_is_named(results):
    dips = {seed: [4.0, 1.4, 2.2] for seed in range(4)}
    table = make_headline(evidence(results({"random": RANDOM, "dips": dips, "full-data": FULL}), "rooms"))
    assert cells(table, "dips")["labels for full-data loss"].mean == "> 40 %"
    assert "Below the full-data loss in the mean, but not by the fitted curve: dips at 20 %." in table.notes
