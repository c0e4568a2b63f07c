"""What a plan decides, in sentences: the same for page, tables, comparison and protocol."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmark.report.statistics.design.planned_tests import Decision, Planned
from benchmark.report.statistics.full_data_gap import FullDataGap

EXPLORATORY = "What the plan does not name is exploratory"


def decided(found: Planned, places: int) -> str:
    """The headline: what the plan says of its primary comparison, then of its family; no stop at its end."""
    first = [_status(found, one, places) for one in found.decisions if _is_first(found, one)]
    besides = [_status(found, one, places) for one in found.decisions if not _is_first(found, one)]
    family = f". In the same family, {'; '.join(besides)}" if besides else ""
    return f"{_changed(found)}By the plan, {'; '.join(first)}{family}"


def _is_first(found: Planned, one: Decision) -> bool:
    """Whether it is what the plan decides on: without a primary comparison, each is."""
    return found.plan.primary in (None, one.strategy)


def planned_notes(found: Planned, gap: FullDataGap, places: int) -> Iterator[str]:
    """What the decision rests on: rule, numbers of every planned comparison, seeds, changes."""
    yield f"Plan: {rule(found)}."
    for one in found.decisions:
        if one.seeds:
            yield f"{_numbers(found, one, gap, places)}."
    if found.next_look is not None:
        yield (
            f"The next look is at {found.next_look} seeds; the plan's first {found.there} are whole"
            f"{_whole(found)}. A test before would be one look too many."
        )
    if found.beyond:
        yield f"Seeds that the plan does not name count for none of its tests: {_listed(found.beyond)}."
    for change in found.changes:
        yield f"The plan was not there before all results: {change}. What it decides is no confirmation."
    yield f"{EXPLORATORY}."


def rule(found: Planned) -> str:
    """The test as it was declared."""
    plan = found.plan
    sides = "one-sided" if plan.one_sided else "two-sided"
    test = "max-T by sign flips of seeds" if plan.correction == "max-t" else "paired t test (Holm)"
    family = f"{', '.join(plan.family)} against {plan.against}"
    looks = f"looks at {_listed(plan.looks)} seeds" if len(plan.looks) > 1 else f"{plan.looks[0]} seeds"
    bound = f" ({plan.bound})" if len(plan.looks) > 1 else ""
    margin = f", equivalent within {plan.margin_size.words}" if plan.margin_size else ""
    primary = f", primary {plan.primary}" if plan.primary and len(plan.family) > 1 else ""
    return f"{family}{primary}; {test}, {sides} at {100 * plan.level:g} %, {looks}{bound}{margin}"


def of_comparison(found: Planned, strategy: str, against: str, places: int) -> str | None:
    """What the plan says of a pair, whichever way round; None of one that it does not name."""
    one = found.either(strategy, against)
    return None if one is None else f"{_changed(found)}By the plan, {_status(found, one, places)}"


def _status(found: Planned, one: Decision, places: int) -> str:
    plan, pair = found.plan, f"{one.strategy} against {one.against}"
    if not one.seeds:
        return (
            f"{pair} is not tested yet: the first look is at {plan.looks[0]} seeds, {found.there} are whole"
        )
    seeds = f"{one.seeds} of {len(plan.seeds)} seeds"
    size = f"{one.mean:+.{places}f}, {_interval(found)} {one.low:+.{places}f} to {one.high:+.{places}f}"
    p = _p(found.p(one))
    if one.status in ("better", "worse"):
        return f"{one.strategy} is {one.status} than {one.against} ({size}, {p}, {seeds}){_small(found, one)}"
    if one.status == "equivalent" and plan.margin_size:
        within = plan.margin_size.words
        return f"{pair} is equivalent within {within} ({size}, {_p(one.equivalence)}, {seeds})"
    if one.status == "open":
        return f"{pair} is undecided yet ({size}, {p}, {seeds}; next look at {found.next_look} seeds)"
    neither = "neither better nor equivalent" if plan.one_sided else "neither a difference nor equivalence"
    nothing = neither if plan.margin else "no gain" if plan.one_sided else "no difference"
    return f"{pair} is undecided at all {len(plan.seeds)} seeds: {nothing} is shown ({size}, {p})"


def _numbers(found: Planned, one: Decision, gap: FullDataGap, places: int) -> str:
    declared = found.plan.correction
    both = f"p by max-T {_value(one.max_t)}, by Holm {_value(one.holm)}, {declared} is declared"
    equal = "" if math.isnan(one.equivalence) else f"; equivalence p {_value(one.equivalence)}"
    share = gap.percent(one.mean, "+")
    of_gap = f" ({share} of the gap to full data)" if share else ""
    looks = ", corrected for looks and family" if len(found.plan.looks) > 1 else ""
    return (
        f"{one.strategy} minus {one.against} at {one.seeds} seeds: {one.mean:+.{places}f}{of_gap}; "
        f"{both}{looks}{equal}"
    )


def _changed(found: Planned) -> str:
    return "The plan was not there before all results. " if found.changes else ""


def _small(found: Planned, one: Decision) -> str:
    """That a difference which is shown is shown to be within the margin too."""
    margin = found.plan.margin_size
    if margin is None or not one.equivalence <= found.plan.level:
        return ""
    return f", by less than {margin.words} ({_p(one.equivalence)})"


def _whole(found: Planned) -> str:
    """What a seed needs besides its strategies."""
    plan = found.plan
    draws = f"{plan.references} draws of {plan.against}" if plan.references > 1 else ""
    full = "full data" if plan.margin_needs_gap else ""
    needs = " and ".join(filter(None, [draws, full]))
    return f" ({needs} included)" if needs else ""


def _interval(found: Planned) -> str:
    """It holds at every look and for all of the family together, where there are several."""
    plan, sides = found.plan, 2 if found.plan.one_sided else 1
    looks = "over all looks" if len(plan.looks) > 1 else ""
    family = "of the family" if len(plan.family) > 1 else ""
    scope = " and ".join(filter(None, [looks, family]))
    return " ".join(filter(None, [f"{100 * (1 - sides * plan.level):g} % interval", scope]))


def _p(value: float) -> str:
    return "no p" if math.isnan(value) else f"p {_value(value)}" if value < 0.001 else f"p = {_value(value)}"


def _value(value: float) -> str:
    return "none" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
