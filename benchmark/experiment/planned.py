"""Whether an experiment does what its plan says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from benchmark.errors import UserError
from benchmark.experiment.config import Experiment
from benchmark.experiment.study_plan import StudyPlan, read_plan
from strategies.registry import resolve


def plan_of(experiment: Experiment) -> StudyPlan | None:
    """The plan that an experiment names, if it names one. Raises UserError for a file that is none."""
    return None if experiment.plan is None else read_plan(experiment.plan)


def check_plan(experiment: Experiment, plan: StudyPlan, dataset: str) -> None:
    """Raise UserError where an experiment on this data set contradicts the plan."""
    if found := list(_contradictions(experiment, plan, dataset)):
        raise UserError(f"{experiment.plan} plans another study: {'; '.join(found)}.")


def competitors(names: Iterable[str]) -> list[str]:
    """Those of some strategies that are tested: no references, which are told what no strategy may know."""
    return [name for name in names if not resolve(name).create().reference]


def _contradictions(experiment: Experiment, plan: StudyPlan, dataset: str) -> Iterator[str]:
    if dataset != plan.dataset:
        yield f"it is for {plan.dataset}, not for {dataset}"
    names, tested = [resolve(name).name for name in experiment.strategies], (*plan.family, plan.against)
    if lacking := [name for name in tested if name not in names]:
        yield f"it compares {', '.join(lacking)}, which the experiment does not train"
    if told := set(tested) & set(names) - set(competitors(names)):
        yield f"it tests {', '.join(sorted(told))}, which is told what no strategy may know: a reference"
    if beyond := [str(seed) for seed in experiment.seeds if seed not in plan.seeds]:
        planned = ",".join(map(str, plan.seeds))
        yield f"seeds {', '.join(beyond)} are none of its own (--seeds {planned:.80})"
    if list(experiment.budgets) != list(plan.budgets):
        yield f"its budgets are {list(plan.budgets)}, not {list(experiment.budgets)}"
    if experiment.references < plan.references:
        yield f"it wants {plan.references} draws of random a seed (--set references={plan.references})"
    if not experiment.full_data and any(s and s.share for s in (plan.difference_size, plan.margin_size)):
        yield "it counts in shares of the gap, so full_data must not be false"
