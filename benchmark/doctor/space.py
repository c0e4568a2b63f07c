"""Room on the disk: what a study will write, against what is free where it writes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from benchmark.doctor.finding import Finding, ok, problem, reason, warning
from benchmark.doctor.study_size import Study, nearest
from benchmark.records.selection_pictures import PICKS
from benchmark.words import amount_of_bytes

# As the store writes them: JSON with an element a line.
SCORE, ROW, ID, HEAD = 24, 9, 6, 3_000
PICTURE, MAP = 8_000, 4_000  # JPEGs of at most 160 and 96 pixels
REPORT, REPORT_FILES = 40e6, 300
LITTLE = 1e9  # bytes: room for a small study, where none is named
FEW = 10_000


@dataclass(frozen=True)
class Room:
    """Bytes and files; without a count of files, the file system has no bound on them."""

    bytes: float
    files: float | None


def space_findings(out: Path, study: Study | None) -> list[Finding]:
    """Whether the results of a study fit into ``out``."""
    place = nearest(out)
    try:
        return [space_finding(place, free_at(place), None if study is None else results_need(study))]
    except OSError as error:
        found = f"what is free at {place} cannot be told ({reason(error)})"
        return [warning("space", found, "See that the file system is mounted and well.")]


def free_at(place: Path) -> Room:
    """What this user may write. Raises OSError."""
    state = os.statvfs(place)
    return Room(state.f_bavail * state.f_frsize, state.f_favail if state.f_files else None)


def space_finding(place: Path, free: Room, need: Room | None) -> Finding:
    """Against what a study needs, or what a small one would."""
    wanted = need or Room(LITTLE, FEW)
    needed = f", and the plan needs about {amount_of_bytes(wanted.bytes)}" if need else ""
    found = f"{amount_of_bytes(free.bytes)} free at {place}{needed}"
    advice = "Make room, or give --out on another disk."
    lacking = problem if need else warning
    if free.bytes < wanted.bytes:
        return lacking("space", found, advice)
    if free.files is not None and free.files < (wanted.files or 0):
        files = f"{free.files:,.0f} more files fit at {place}, and {wanted.files:,.0f} are needed"
        return lacking("space", files, advice)
    if free.bytes < 2 * wanted.bytes:
        return warning("space", f"{found}: that is close", advice)
    return ok("space", found)


def results_need(study: Study) -> Room:
    """What a study writes into its folder, from the first round to the report; about, and rather too much."""
    trajectories = study.seeds * study.strategies
    selections = study.seeds * study.measuring * (len(study.counts) - 1)
    scores = selections * study.pool * (study.tasks * SCORE + ROW)
    pictures = (trajectories * (len(study.counts) - 1)) * PICKS * (PICTURE + study.tasks * MAP)
    records = (trajectories * len(study.counts) + study.seeds * 2) * HEAD
    total = scores + pictures + records + _ids(study) + _weights(study) + REPORT
    return Room(total, _files(study))


def _ids(study: Study) -> float:
    """Every round's record lists all that it was trained on, and what it chose."""
    listed = sum(study.counts) + study.counts[-1] - study.counts[0]
    full = study.pool if study.full_data else 0
    return study.seeds * (study.strategies * listed + full) * (study.id_length + ID)


def _weights(study: Study) -> float:
    """Round 0 of every seed with all companions, a second one in the making, and checkpoints of a training.

    A checkpoint holds the weights and two moments; there may be three: the last two and one in the making.
    """
    return 4 * ((study.seeds + 1) * study.parameters_beside + 9 * study.parameters)


def _files(study: Study) -> int:
    rounds = study.seeds * study.strategies * len(study.counts)
    pictures = 1 + PICKS * (1 + study.tasks)
    return rounds * (1 + pictures) + 8 * study.seeds * (study.strategies + 2) + REPORT_FILES
