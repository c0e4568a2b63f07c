"""A run keeps its plan, and is refused where it does something else."""

import pytest
import yaml

from benchmark.errors import UserError
from benchmark.execution.run import dry_run
from benchmark.experiment.planned import check_plan, plan_of
from benchmark.experiment.study_plan import validated_plan, written_plan
from benchmark.progress import Progress
from benchmark.records.results_folder import check_agreement, write_head

FIELDS = {
    "dataset": "rooms",
    "budgets": [4, 7, 10],
    "family": ["consistency-diversity"],
    "difference": "5 % of the gap",
    "seeds": [0, 1, 2, 3, 4],
    "looks": [5],
}
QUIET = Progress(quiet=True)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(written_plan(validated_plan(FIELDS, "test")))
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strategies": ["random", "entropy"]}, "compares consistency-diversity, which the experiment"),
        ({"strategies": ["consistency-diversity"]}, "compares random, which the experiment does not train"),
        ({"seeds": [4, 5, 6]}, "seeds 5, 6 are none of its own (--seeds 0,1,2,3,4)"),
        ({"budgets": [4, 8]}, "budgets are [4, 7, 10], not [4, 8]"),
        ({"full_data": False}, "full_data must not be false"),
    ],
)
def test_contradictions_are_refused(small_experiment, file, changes, said):
    experiment = small_experiment(plan=str(file), **changes)
    with pytest.raises(UserError, match="plans another study") as caught:
        check_plan(experiment, plan_of(experiment), "rooms")
    assert said in str(caught.value)


def test_draws_and_data_must_be_those_of_the_plan(small_experiment):
    plan = validated_plan(FIELDS | {"references": 3}, "test")
    with pytest.raises(UserError, match=r"for rooms, not for camvid; it wants 3 draws of random a seed"):
        check_plan(small_experiment(), plan, "camvid")
    check_plan(small_experiment(references=3), plan, "rooms")


def test_what_is_told_labels_is_tested_by_no_plan(small_experiment):
    plan = validated_plan(FIELDS | {"family": ["consistency-diversity", "true-loss"]}, "test")
    experiment = small_experiment(strategies=["random", "consistency-diversity", "true-loss"])
    with pytest.raises(UserError, match="it tests true-loss, which is told what no strategy may know"):
        check_plan(experiment, plan, "rooms")


def test_a_dry_run_refuses_too(small_experiment, file, tmp_path):
    with pytest.raises(UserError, match="plans another study"):
        dry_run(small_experiment(plan=str(file), seeds=[7]), tmp_path / "out", QUIET, timing=False)


def test_the_plan_is_in_the_folder_before_the_first_round(small_bench, small_experiment, file, tmp_path):
    out = tmp_path / "out"
    bench = small_bench(out, plan=str(file))
    write_head(bench.experiment, bench, out, {})
    assert (out / "plan.yaml").read_bytes() == file.read_bytes()
    assert yaml.safe_load((out / "experiment.yaml").read_text())["plan"] == "plan.yaml"
    assert not list(bench.store.rounds())
    check_agreement(small_experiment(), out)
    write_head(small_experiment(), bench, out, {})  # a run that names none keeps the one that is there
    assert yaml.safe_load((out / "experiment.yaml").read_text())["plan"] == "plan.yaml"


def test_without_a_plan_the_stored_experiment_has_no_such_field(small_bench, tmp_path):
    bench = small_bench(tmp_path)
    write_head(bench.experiment, bench, tmp_path, {})
    assert "plan" not in yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert not (tmp_path / "plan.yaml").exists()
