"""The plan of a study beside its results: written before the first of them, and never changed in silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.experiment.study_plan import StudyPlan, read_plan, validated_plan, written_plan
from benchmark.records.round_store import CHANGES, PLAN, Round, to_json, write_atomically
from benchmark.untrusted_files import read_json
from strategies.reference import without_draw


@dataclass(frozen=True)
class Change:
    """The plan that was there ``before`` (None: there was none), when it was changed, and what was stored."""

    before: StudyPlan | None
    date: str
    rounds: int
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class KeptPlan:
    """The plan of a folder, and what it was changed from after results were there, oldest first.

    ``without`` are folders of planned trajectories that had no plan, where several make one report.
    """

    plan: StudyPlan
    changes: tuple[Change, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def was_changed(self) -> bool:
        """Whether results were there before this plan was."""
        return bool(self.changes or self.without)

    def is_of(self, strategy: str) -> bool:
        """Whether the plan compares a strategy; all draws of random are one."""
        return without_draw(strategy) in (*self.plan.family, self.plan.against)

    def differences(self) -> Iterator[str]:
        """What each change changed, in words."""
        after = [*(change.before for change in self.changes), self.plan][1:]
        for change, now in zip(self.changes, after, strict=True):
            seeds = ", ".join(map(str, change.seeds))
            when = f"after {change.rounds} rounds of seeds {seeds} were stored ({change.date})"
            if change.before is None:
                yield f"it was made {when}"
            elif now is not None:
                yield f"it was changed {when}: {'; '.join(_changed(change.before, now))}"
        for folder in self.without:
            yield f"what is in {folder} was computed without it"


def keep_plan(plan: StudyPlan, out: Path, stored: Iterable[Round]) -> None:
    """Write the plan into a folder of results; what it replaces is kept, with its date, if there are any."""
    kept = kept_plan(out)
    if kept is not None and kept.plan == plan:
        return
    rounds = list(stored)
    if rounds:
        seeds = tuple(sorted({done.seed for done in rounds}))
        date = datetime.now(UTC).strftime("%Y-%m-%d")
        change = Change(kept.plan if kept else None, date, len(rounds), seeds)
        _write_changes(out, (*(kept.changes if kept else ()), change))
    write_atomically(out / PLAN, written_plan(plan))


def kept_plan(folder: Path) -> KeptPlan | None:
    """The plan of a folder of results, if it has one. Raises UserError for broken files."""
    if not (folder / PLAN).is_file():
        return None
    return KeptPlan(read_plan(folder / PLAN), _read_changes(folder / CHANGES))


def _write_changes(out: Path, changes: Iterable[Change]) -> None:
    listed = [
        {
            "before": change.before.model_dump(mode="json") if change.before else None,
            "date": change.date,
            "rounds": change.rounds,
            "seeds": list(change.seeds),
        }
        for change in changes
    ]
    write_atomically(out / CHANGES, to_json(listed))


def _read_changes(file: Path) -> tuple[Change, ...]:
    if not file.is_file():
        return ()
    try:
        return tuple(_change(entry, str(file)) for entry in read_json(file))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is broken ({type(error).__name__}): it must be as `mtal run` wrote it."
        ) from None


def _change(entry: Mapping[str, Any], origin: str) -> Change:
    before = entry["before"]
    rounds, seeds, date = entry["rounds"], entry["seeds"], str(entry["date"])[:10]
    if type(rounds) is not int or not all(type(seed) is int for seed in seeds) or not date.isprintable():
        raise ValueError("no count")
    return Change(None if before is None else validated_plan(before, origin), date, rounds, tuple(seeds))


def _changed(before: StudyPlan, now: StudyPlan) -> Iterator[str]:
    one, other = (plan.model_dump(mode="json", exclude={"computed_from"}) for plan in (before, now))
    names = [name for name in one if one[name] != other[name]]
    for name in names:
        yield f"{name} from {_words(one[name])} to {_words(other[name])}"
    if not names:
        yield "what it was computed from"


def _words(value: Any) -> str:
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value))[:120]
