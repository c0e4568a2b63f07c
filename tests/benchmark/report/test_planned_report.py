"""A study with a plan: page, tables, comparison and protocol decide by it, and one without is as before."""

import json
import re

import pandas as pd
import pytest
import yaml

from benchmark.errors import UserError
from benchmark.experiment.study_plan import validated_plan, written_plan
from benchmark.records.kept_plan import keep_plan, kept_plan
from benchmark.records.round_store import CHANGES, Store
from benchmark.report import read_studies, terminal_text
from benchmark.report.compare import compare, document, pairs
from benchmark.report.page.claim import claim
from benchmark.report.results.archives import pack
from benchmark.report.results.merge import merged
from benchmark.report.results.study import read_study
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.paired_tests import detectable_difference
from benchmark.report.study_protocol import protocol
from benchmark.report.tables import delta_mtl_table, headline_table, loss_table

FIELDS = {
    "dataset": "rooms",
    "budgets": [40, 80, 120, 160],
    "family": ["entropy"],
    "primary": "entropy",
    "difference": "10 % of the gap",
    "margin": "10 % of the gap",
    "seeds": list(range(10)),
    "looks": [5, 10],
}


@pytest.fixture(scope="module")
def table(synthetic, total_only):
    return synthetic.rows(
        strategies=("random", "entropy", "consistency-diversity"), seeds=6, metrics=total_only
    )


@pytest.fixture
def folder(tmp_path, synthetic, table):
    out = synthetic.add_rounds(synthetic.write(tmp_path / "study", table), table)
    return synthetic.add_experiment(out, budgets=[40, 80, 120, 160], seeds=list(range(6)))


def plan(**changes):
    return validated_plan(FIELDS | changes, "test")


def with_plan(folder, **changes):
    (folder / "plan.yaml").write_bytes(written_plan(plan(**changes)))
    return read_study(folder)


def test_the_headline_is_the_plan_s(folder):
    study = with_plan(folder)
    found = claim(evidence(study.results, "rooms"))
    assert found.sentence.startswith("By the plan, entropy")
    assert "5 of 10 seeds" in found.sentence
    assert any(note.startswith("Plan: entropy against random; paired t test (Holm)") for note in found.notes)
    assert "What the plan does not name is exploratory." in found.notes
    assert "(tested by the plan alone)" in " ".join(found.notes) or "consistency" in found.sentence


def test_the_rest_of_the_family_stands_behind_the_primary_comparison(folder):
    study = with_plan(folder, family=["entropy", "consistency-diversity"])
    first, besides, *_ = claim(evidence(study.results, "rooms")).sentence.split(". ")
    assert first.startswith("By the plan, entropy")
    assert "consistency-diversity" not in first
    assert besides.startswith("In the same family, consistency-diversity")


def test_what_it_does_not_name_is_exploratory(folder):
    study = with_plan(folder)
    sentence = claim(evidence(study.results, "rooms")).sentence
    assert "consistency-diversity (" in sentence
    assert sentence.index("Not planned, so exploratory") < sentence.index("consistency-diversity (")
    assert "beyond doubt" not in sentence


def test_what_a_planned_comparison_detects_depends_on_nothing_that_ran_beside_it(folder):
    (planned, other) = sorted(
        evidence(with_plan(folder).results, "rooms").against_random, key=lambda one: one.strategy != "entropy"
    )
    areas = evidence(read_study(folder).results, "rooms").naubc.pivot(
        index="seed", columns="strategy", values="naubc"
    )
    deviation = (areas["entropy"] - areas["random"]).std()
    assert planned.detectable == pytest.approx(detectable_difference(deviation, 6, 0.05))
    deviation = (areas["consistency-diversity"] - areas["random"]).std()
    assert other.detectable == pytest.approx(detectable_difference(deviation, 6, 0.025))


def test_table_protocol_and_terminal_say_the_same(folder):
    study = with_plan(folder)
    decision = claim(evidence(study.results, "rooms")).sentence.partition(". ")[0]
    assert decision in " ".join(terminal_text(study).split())
    facts = dict(fact for section in protocol(study) for fact in section.facts)
    assert facts["plan"].startswith("entropy against random")
    assert decision in headline_table.render(study.results)["tables/headline.md"].decode().replace("\n", " ")


def test_compare_tests_what_is_planned_by_the_plan(folder):
    results = with_plan(folder).results
    assert "By the plan, entropy" in compare(results, "entropy", "random")
    assert "By the plan, entropy" in compare(results, "random", "entropy")
    other = compare(results, "consistency-diversity", "random")
    assert "By the plan" not in other
    assert "Exploratory: the plan does not name it." in other


def test_no_other_test_of_a_planned_comparison_is_printed(folder):
    """Looked at after every seed, an ordinary test finds a difference far too often."""
    study = with_plan(folder)
    found = evidence(study.results, "rooms")
    (decision,) = found.planned.decisions
    table = headline_table.make_headline(found)
    cells = dict(table.rows)
    p = table.heads.index("p (Holm)")
    assert (cells["entropy"][p].mean, cells["entropy"][p].spread) == (f"{decision.holm:.3f}", " (plan)")
    assert cells["consistency-diversity"][p].spread == ""
    assert table.said_of_marks == ""
    rows = headline_table.long_table([found]).set_index("strategy")
    assert pd.isna(rows.loc["entropy", ["minus_random_p", "minus_random_corrected"]]).all()
    assert rows.loc["entropy", "plan_p"] == decision.holm
    assert rows.loc["entropy", "plan_status"] == decision.status
    assert not pd.isna(rows.loc["consistency-diversity", "minus_random_corrected"])
    assert pd.isna(rows.loc["consistency-diversity", "plan_p"])
    for pair in (("entropy", "random"), ("random", "entropy")):
        (numbers,) = document(pairs(study.results, *pair))["datasets"]
        assert (numbers["p"], numbers["corrected"], numbers["plan_p"]) == (None, None, decision.holm)
        assert numbers["text"].count("% interval") == 1
    (other,) = document(pairs(study.results, "consistency-diversity", "random"))["datasets"]
    assert other["corrected"] is not None
    assert "plan_p" not in other


def marks(files):
    return sum(name.endswith(".md") and text.count(b"**") for name, text in files.items())


def test_no_table_marks_by_a_test_that_no_plan_names(tmp_path, synthetic):
    """Bold is what tests of every column tell apart: read at every seed, they err as any other does."""
    learned = {("total", "loss"): (1.3, -0.45, 0.025), ("depth", "rmse"): (0.9, -0.25, 0.015)}
    every = synthetic.rows(("random", "entropy", "consistency-diversity"), seeds=6, metrics=learned)
    out = synthetic.add_experiment(synthetic.write(tmp_path, every), budgets=[40, 80, 120, 160])
    free = read_study(synthetic.add_facts(out, tasks={"depth": synthetic.tasks["depth"]}))
    assert marks(loss_table.render(free.results))
    assert marks(delta_mtl_table.render(free))
    study = with_plan(out)
    assert not marks(loss_table.render(study.results))
    assert not marks(delta_mtl_table.render(study))


def test_a_look_waits_for_all_draws_of_random_and_for_full_data(folder, synthetic, table, tmp_path):
    """The study has one draw a seed, and all full-data losses but that of seed 2."""
    planned = evidence(with_plan(folder, references=2).results, "rooms").planned
    assert (planned.there, planned.decisions[0].seeds) == (0, 0)
    rest = [row for row in table if row[1:3] != ("full-data", 2)]
    other = synthetic.add_experiment(synthetic.write(tmp_path / "rest", rest), budgets=[40, 80, 120, 160])
    assert evidence(with_plan(other).results, "rooms").planned.there == 2
    assert evidence(with_plan(other, margin=None).results, "rooms").planned.there == 6


def test_a_look_waits_for_the_last_budget(folder, synthetic, table, tmp_path):
    rest = [row for row in table if row[4] != 160]
    other = synthetic.add_experiment(synthetic.write(tmp_path / "rest", rest), budgets=[40, 80, 120, 160])
    planned = evidence(with_plan(other).results, "rooms").planned
    assert (planned.there, planned.decisions[0].seeds) == (0, 0)


def test_trajectories_without_the_plan_are_told_when_folders_become_one(folder, synthetic, table, tmp_path):
    one = with_plan(folder)

    def beside(name, strategy):
        rows = [row for row in table if row[1] == strategy]
        path = synthetic.add_rounds(synthetic.write(tmp_path / name, rows), rows)
        return read_study(synthetic.add_experiment(path, budgets=[40, 80, 120, 160], seeds=list(range(6))))

    for order in ((one, beside("a", "entropy")), (beside("b", "entropy"), one)):
        kept = merged(order).results.plans["rooms"]
        assert kept.was_changed
        (said,) = kept.differences()
        assert re.fullmatch(r"what is in .*[ab] was computed without it", said)
        again = merged([merged(order), one]).results.plans["rooms"]
        assert list(again.differences()) == [said]
    exploratory = merged([one, beside("c", "consistency-diversity")])
    assert not exploratory.results.plans["rooms"].was_changed


def test_without_a_plan_nothing_is_said_of_one(folder):
    study = read_study(folder)
    assert evidence(study.results, "rooms").planned is None
    texts = (terminal_text(study), compare(study.results, "entropy", "random"), str(protocol(study)))
    assert not any("plan" in text.lower().replace("planned", "") for text in texts)


def test_a_plan_before_results_is_replaced_and_one_after_is_kept(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    keep_plan(plan(), empty, [])
    keep_plan(plan(level=0.01), empty, [])
    assert not (empty / CHANGES).exists()
    assert kept_plan(empty).plan.level == 0.01

    keep_plan(plan(), folder, Store(folder).rounds())
    keep_plan(plan(), folder, Store(folder).rounds())
    keep_plan(plan(level=0.1), folder, Store(folder).rounds())
    kept = kept_plan(folder)
    assert [change.before for change in kept.changes] == [None, plan()]
    made, changed = kept.differences()
    assert made.startswith("it was made after 78 rounds of seeds 0, 1, 2, 3, 4, 5 were stored")
    assert changed.endswith("level from 0.05 to 0.1")


def test_a_changed_plan_is_said_first(folder):
    keep_plan(plan(), folder, Store(folder).rounds())
    sentence = claim(evidence(read_study(folder).results, "rooms")).sentence
    assert sentence.startswith("The plan was not there before all results. By the plan, entropy")
    facts = dict(fact for section in protocol(read_study(folder)) for fact in section.facts)
    assert "it was made after" in facts["plan changed"]


def test_an_archive_keeps_the_plan_and_its_changes(folder, tmp_path):
    keep_plan(plan(), folder, Store(folder).rounds())
    study = read_study(folder)
    pack(folder, tmp_path / "study.zip")
    packed = read_studies([tmp_path / "study.zip"])
    assert packed.results.plans == study.results.plans


def test_showing_some_strategies_changes_no_decision(folder):
    study = with_plan(folder)
    shown = evidence(study.only(["random", "consistency-diversity"]).results, "rooms")
    assert repr(shown.planned) == repr(evidence(study.results, "rooms").planned)


@pytest.mark.parametrize("content", ["- 1", "family: [", "dataset: rooms", "dataset: 5"])
def test_a_broken_plan_is_a_sentence(folder, content):
    (folder / "plan.yaml").write_text(content)
    with pytest.raises(UserError, match=r"plan\.yaml"):
        read_study(folder)


def test_a_plan_of_other_data_is_refused(folder):
    with pytest.raises(UserError, match="is for camvid; the results are of rooms"):
        with_plan(folder, dataset="camvid")


@pytest.mark.parametrize(
    "content",
    ["{", "[1]", "5", '[{"before": null}]', '[{"before": 1, "date": "", "rounds": 1, "seeds": []}]'],
)
def test_broken_changes_are_a_sentence(folder, content):
    with_plan(folder)
    (folder / CHANGES).write_text(content)
    with pytest.raises(UserError, match="plan-changes"):
        read_study(folder)


def test_changes_are_plain_json(folder):
    keep_plan(plan(), folder, Store(folder).rounds())
    (change,) = json.loads((folder / CHANGES).read_text())
    assert change["rounds"] == 78
    assert yaml.safe_load((folder / "plan.yaml").read_text())["looks"] == [5, 10]
