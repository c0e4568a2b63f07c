"""What ``mtal plan`` says of a proposal to who reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from benchmark.report.formats.numbers import decimals
from benchmark.report.planning.pilot import Pilot
from benchmark.report.planning.proposal import Proposal, named_components
from benchmark.report.statistics.design.variance_components import Deviation
from benchmark.report.statistics.full_data_gap import gap_words
from benchmark.words import counted

#: Of many differences to the pilot, the first say enough.
MOST_SHOWN = 5


def proposal_text(proposal: Proposal) -> str:
    """What ``mtal plan`` prints."""
    return "\n".join([*_pilot(proposal), "", *_study(proposal)])


def _pilot(proposal: Proposal) -> Iterator[str]:
    pilot, places = proposal.pilot, _places(proposal)
    names = ", ".join(name for name, _ in pilot.digests)
    yield (
        f"Pilot on {pilot.dataset}: {counted(len(pilot.seeds), 'seed')}, {counted(pilot.draws, 'draw')} of "
        f"random ({names})."
    )
    yield "What the NAUBC of random varies by (standard deviation):"
    why = {
        "training": "not known: `mtal noise` into the pilot's folder, with its settings, measures it",
        "evaluation images": "not known: the pilot has no losses of single images",
    }
    for name, one in named_components(pilot):
        yield f"  {name:<18}  {_deviation(one, places) if one.is_known else why.get(name, 'not known')}"
    yield f"  {'a difference':<18}  {_deviation(proposal.deviation, places)}"
    yield from _evaluation(pilot, places)
    yield f"A difference is measured on: {proposal.deviation_of}. What a seed does to all is not in it."
    yield gap_words(pilot.gap, places)
    if proposal.other:
        shown = "; ".join(proposal.other[:MOST_SHOWN])
        yield f"Not as in the experiment, so that spread and gap may be others (pilot, experiment): {shown}."


def _evaluation(pilot: Pilot, places: int) -> Iterator[str]:
    """What more evaluation images would be good for; nothing where no losses of single ones are kept."""
    part = pilot.components.evaluation_of_draw
    if part.is_known:
        yield (
            f"Evaluated on {pilot.images} images, which make {_deviation(part, places)} of a draw's "
            "deviation: more of them would lessen it. What they do to all trajectories is in no difference."
        )


def _study(proposal: Proposal) -> Iterator[str]:
    wish, places = proposal.wish, _places(proposal)
    family = proposal.family
    sides = "one-sided" if wish.one_sided else "two-sided"
    size = proposal.in_loss(wish.difference)
    corrected = f", corrected for {len(family)} comparisons ({wish.correction})" if len(family) > 1 else ""
    yield (
        f"To find {wish.difference.words} ({size:.{places}f} of NAUBC) against {wish.against} with power "
        f"{wish.power:g}, {sides} at {100 * wish.level:g} %{corrected}: {_seeds_words(proposal)}."
    )
    if wish.margin:
        yield (
            f"Equivalent is a difference within {wish.margin.words} "
            f"({proposal.in_loss(wish.margin):.{places}f}); shown with power {proposal.equivalence:.2f} at "
            f"{proposal.looks[-1]} seeds, if there is none."
        )
    yield _looks(proposal)
    yield from _power(proposal)
    yield from _hours(proposal)


def _seeds_words(proposal: Proposal) -> str:
    one = proposal.deviation
    words = counted(proposal.needed(one.value), "seed")
    if math.isnan(one.low):
        return words
    fewest, most = (str(proposal.needed(value)) for value in (one.low, one.high))
    return f"{words} ({fewest} to {most}, by the interval of the deviation)"


def _looks(proposal: Proposal) -> str:
    if len(proposal.looks) == 1:
        return f"One look, at {proposal.looks[0]} seeds: a test before is no test."
    listed = ", ".join(
        f"{seeds} seeds {_level(level)}" for seeds, level in zip(proposal.looks, proposal.levels, strict=True)
    )
    return f"Looks ({proposal.wish.bound}), and what the smallest p value must keep: {listed}."


def _power(proposal: Proposal) -> Iterator[str]:
    enough = proposal.power >= proposal.wish.power - 1e-9
    if proposal.wish.looks or not enough:
        few = "" if enough else f", less than the {proposal.wish.power:g} that are wanted"
        yield f"At {proposal.looks[-1]} seeds the difference is found with power {proposal.power:.2f}{few}."


def _hours(proposal: Proposal) -> Iterator[str]:
    cost, hours = proposal.pilot.cost, proposal.hours
    if cost is None or hours is None:
        yield "What it costs is not known: the pilot stores no times."
        return
    names = proposal.experiment.every_strategy
    what = "processor hours" if cost.of_processor else "hours of the pilot's machine, as they passed"
    trajectories = counted(len(names), "trajectory", "trajectories")
    yield f"Cost: {hours:.3g} {what}, {hours / proposal.looks[-1]:.3g} a seed of {trajectories}."
    if lacking := cost.lacking(names):
        yield (
            "Counted as random costs, without a pass over the pool, since the pilot has none of them: "
            f"{', '.join(lacking)}."
        )


def _deviation(one: Deviation, places: int) -> str:
    interval = "" if math.isnan(one.low) else f" ({one.low:.{places}f} to {one.high:.{places}f})"
    return f"{one.value:.{places}f}{interval}"


def _level(level: float) -> str:
    return "p < 0.0001" if level < 0.0001 else f"p <= {level:.4f}"


def _places(proposal: Proposal) -> int:
    sizes: Sequence[float] = [proposal.deviation.value, abs(proposal.pilot.gap.mean)]
    return decimals(min(size for size in sizes if size > 0)) + 1
