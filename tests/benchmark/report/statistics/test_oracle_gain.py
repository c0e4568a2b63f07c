"""What an oracle won over random, as a scale of all other differences."""

import csv
import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.report.results.load import read_results
from benchmark.report.results.merge import merged
from benchmark.report.results.study import read_study
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.oracle_gain import gain_words, oracle_gain
from benchmark.report.study_protocol import protocol
from benchmark.report.tables.headline_table import make_headline, render

RANDOM = {0: [4.0, 3.0, 2.0], 1: [4.2, 3.1, 2.2], 2: [4.1, 3.0, 2.0], 3: [4.0, 2.9, 2.1]}
BETTER = {seed: [first, second - 0.3, third - 0.1] for seed, (first, second, third) in RANDOM.items()}
BOSS = {seed: [first, second - 0.6, third - 0.2] for seed, (first, second, third) in RANDOM.items()}
FACTS = {
    "random": {"reference": False},
    "entropy": {"reference": False},
    "boss": {"reference": True, "oracle": True},
    "true-loss": {"reference": True},
}


def areas(**of):
    rows = [(name, seed, area) for name, seeds in of.items() for seed, area in seeds.items()]
    return pd.DataFrame(rows, columns=["strategy", "seed", "naubc"])


@pytest.fixture
def folder(synthetic, tmp_path):
    def make(strategies=FACTS, name="results", **table):
        where = synthetic.write(tmp_path / name, synthetic.losses(table), pool=100)
        return synthetic.add_facts(where, strategies=strategies)

    return make


def test_it_is_the_mean_difference_of_seeds_that_both_have():
    found = oracle_gain(
        areas(random={0: 3.0, 1: 3.2, 2: 2.9}, boss={0: 2.5, 1: 2.9, 2: math.nan, 7: 0.1}), {"boss"}
    )
    assert (found.oracle, found.seeds, found.mean) == ("boss", 2, pytest.approx(0.4))
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 1) * stats.sem([0.5, 0.3]))
    assert found.share(-0.4) == pytest.approx(-1)
    assert found.percent(-0.1, "+") == "-25 %"


@given(st.lists(st.floats(1, 5), min_size=2, max_size=6), st.floats(0.01, 0.5), st.floats(0.5, 2))
def test_the_oracle_itself_is_at_one_in_any_unit(random, gain, unit):
    seeds = dict(enumerate(np.array(random) * unit))
    boss = {seed: area - gain * unit for seed, area in seeds.items()}
    found = oracle_gain(areas(random=seeds, boss=boss), {"boss"})
    assert found.share(-gain * unit) == pytest.approx(-1, rel=1e-6)


def test_of_several_the_best_is_taken_and_without_one_there_is_none():
    found = oracle_gain(areas(random={0: 3.0}, a={0: 2.9}, b={0: 2.0}, c={0: 1.0}), {"a", "b", "absent"})
    assert (found.oracle, found.mean) == ("b", 1.0)
    assert oracle_gain(areas(random={0: 3.0}, entropy={0: 2.0}), set()).oracle == ""
    assert gain_words(oracle_gain(areas(random={0: 3.0}), set()), 3) == ""


def test_an_oracle_that_won_nothing_is_no_scale():
    found = oracle_gain(areas(random={0: 2.0, 1: 2.0}, boss={0: 2.1, 1: 2.3}), {"boss"})
    assert math.isnan(found.share(0.1))
    assert found.percent(0.1) == ""
    assert "found nothing that choosing could win" in gain_words(found, 3)
    alone = oracle_gain(areas(boss={0: 2.1}), {"boss"})
    assert (alone.oracle, alone.seeds) == ("boss", 0)
    assert gain_words(alone, 3).startswith("No seed has both random and the oracle boss")


def test_the_headline_says_every_strategy_s_share(folder):
    found = evidence(read_results(folder(random=RANDOM, entropy=BETTER, boss=BOSS)), "rooms")
    table = make_headline(found)
    cells = dict(zip(table.heads, dict(table.rows)["entropy"], strict=True))
    assert cells["of the oracle's gain"].mean == "-50 %"
    # By trapezoids: .6 at 20 and .2 at 40 of 10 to 40 labels.
    assert found.oracle.mean == pytest.approx((0.3 * 10 + 0.4 * 20) / 30)
    assert [name for name, _ in table.references] == ["boss"]
    assert {len(row) for _, row in (*table.rows, *table.references)} == {len(table.heads)}
    assert any("The oracle boss chose by the pool's labels and gained 0.367" in note for note in table.notes)


def test_without_an_oracle_the_table_has_no_such_column_and_the_file_no_number(folder):
    results = read_results(folder(random=RANDOM, entropy=BETTER, **{"true-loss": BOSS}))
    assert "of the oracle's gain" not in make_headline(evidence(results, "rooms")).heads
    (row,) = (row for row in headline(results) if row["strategy"] == "entropy")
    assert (row["share_of_oracle_mean"], row["oracle_gain"]) == ("", "")


def headline(results):
    return csv.DictReader(io.StringIO(render(results)["tables/headline.csv"].decode()))


def test_the_file_has_it_unrounded_and_what_is_shown_changes_nothing(folder):
    results = read_results(folder(random=RANDOM, entropy=BETTER, boss=BOSS))
    for shown in (results, results.only(["random", "entropy"])):
        (row,) = (row for row in headline(shown) if row["strategy"] == "entropy")
        assert float(row["share_of_oracle_mean"]) == pytest.approx(-0.5)
        assert float(row["oracle_gain"]) == pytest.approx((0.3 * 10 + 0.4 * 20) / 30)


def test_an_oracle_of_another_folder_is_one_still(folder, synthetic):
    one = folder(name="one", random=RANDOM, entropy=BETTER)
    other = folder(name="other", boss=BOSS)
    studies = [read_study(where) for where in (one, other)]
    assert merged(studies).results.oracles == {"boss"}


def test_the_protocol_says_it_beside_the_scale(folder):
    facts = [
        {name: said for section in protocol(read_study(where)) for name, said in section.facts}
        for where in (
            folder(name="with", random=RANDOM, entropy=BETTER, boss=BOSS),
            folder(name="without", random=RANDOM, entropy=BETTER),
        )
    ]
    assert facts[0]["oracle"].startswith("The oracle boss chose by the pool's labels")
    assert "oracle" not in facts[1]
