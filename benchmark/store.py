"""Results on disk: the disk is the truth, one atomic file per round, and no torch.

``ROOT/DATASET/STRATEGY/seed-K/round-RR.json`` appears by a rename, which is the commit point of a round.
``results.csv`` is derived from these files and can be thrown away.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmark.errors import BusyError, UserError

FORMAT = 1
FULL_DATA, ROUND_ZERO, NOISE_FLOOR = "full-data", "round-0", "noise-floor"
COLUMNS = ("dataset", "strategy", "seed", "round", "labelled", "task", "metric", "value")


@dataclass(frozen=True)
class Round:
    """What one round of one trajectory left behind."""

    dataset: str
    strategy: str
    seed: int
    round: int
    #: Digest of all that could change this result; a stored round of another key is never used.
    key: str
    #: Ids of the images whose labels were trained on, in the order in which they were chosen.
    labelled: tuple[str, ...]
    metrics: Mapping[str, Mapping[str, float | None]]
    weights_digest: str
    #: Ids chosen next, in order of choice; empty after the last round.
    selected: tuple[str, ...] = ()
    #: Selection scores of every image of the pool (N x T), if the strategy gave any.
    scores: list[list[float]] | None = None
    strategy_state: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    format: int = FORMAT


class Store:
    """One folder of results."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def trajectory(self, dataset: str, strategy: str, seed: int) -> Path:
        """The folder of a trajectory; signs that file systems dislike are percent-encoded."""
        return self.root / _file_name(dataset) / _file_name(strategy) / f"seed-{seed}"

    def read(self, dataset: str, strategy: str, seed: int, number: int) -> Round | None:
        """A stored round, or None. A torn or foreign file is ignored with a warning."""
        return _read_round(self._file(dataset, strategy, seed, number))

    def write(self, done: Round) -> Round:
        """Commit a round."""
        file = self._file(done.dataset, done.strategy, done.seed, done.round)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, to_json(asdict(done)))
        return done

    def rounds(self) -> Iterator[Round]:
        """Every stored round of every trajectory, in a fixed order."""
        for file in sorted(self.root.glob("*/*/seed-*/round-*.json")):
            if file.parent.parent.name not in (ROUND_ZERO, NOISE_FLOOR) and (done := _read_round(file)):
                yield done

    def noise_rounds(self, dataset: str) -> list[Round]:
        """Every stored training of the noise floor of a data set."""
        files = sorted((self.root / _file_name(dataset) / NOISE_FLOOR).glob("seed-*/round-*.json"))
        return [done for file in files if (done := _read_round(file))]

    def write_results(self) -> Path:
        """Derive ``results.csv`` from the stored rounds."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(COLUMNS)
        for done in sorted(self.rounds(), key=lambda r: (r.dataset, r.strategy, r.seed, r.round)):
            table.writerows(_rows(done))
        path = self.root / "results.csv"
        write_atomically(path, text.getvalue().encode())
        return path

    @contextmanager
    def locked(self, dataset: str, strategy: str, seed: int, wait: float = 0) -> Iterator[None]:
        """Hold a trajectory. Raises BusyError when another process does and goes on for ``wait`` seconds.

        A killed holder holds nothing.
        """
        from filelock import FileLock, Timeout

        folder = self.trajectory(dataset, strategy, seed)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder / ".lock", timeout=wait, fallback_to_soft=False):
                yield
        except Timeout:
            raise BusyError(
                f"{strategy}, seed {seed} is being trained by another process in {self.root}; "
                "wait for it, or give another --out."
            ) from None

    def _file(self, dataset: str, strategy: str, seed: int, number: int) -> Path:
        return self.trajectory(dataset, strategy, seed) / f"round-{number:02d}.json"


def write_blob(path: Path, content: bytes) -> None:
    """Write bytes with their sha256 beside them: one flipped bit in a checkpoint loads silently otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    write_atomically(_side_file(path), f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode())


def read_blob(path: Path) -> bytes | None:
    """The bytes, or None with a warning if they are not those that were written."""
    if not path.is_file() or not _side_file(path).is_file():
        return None
    content = path.read_bytes()
    if _side_file(path).read_text().split()[:1] == [hashlib.sha256(content).hexdigest()]:
        return content
    warnings.warn(f"{path} does not match its sha256 and is computed again", stacklevel=2)
    return None


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def to_json(value: Any) -> bytes:
    """JSON without NaN or infinity: a missing value must be null."""
    return (json.dumps(value, allow_nan=False, indent=1, sort_keys=True) + "\n").encode()


def digest_of(value: Any) -> str:
    """sha256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(to_json(value)).hexdigest()


def nulls(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Metrics with null for what is not finite."""
    return {
        task: {name: value if math.isfinite(value) else None for name, value in values.items()}
        for task, values in metrics.items()
    }


def _rows(done: Round) -> Iterator[tuple[Any, ...]]:
    for task, values in sorted(done.metrics.items()):
        for metric, value in sorted(values.items()):
            head = (done.dataset, done.strategy, done.seed, done.round, len(done.labelled))
            yield (*head, task, metric, "" if value is None else repr(value))


def _read_round(file: Path) -> Round | None:
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_bytes())
        known = {f.name for f in fields(Round)}
        newer = content["format"] > FORMAT
        done = Round(**{name: value for name, value in content.items() if name in known})
    except (ValueError, KeyError, TypeError) as error:
        warnings.warn(f"{file} is not a stored round ({error}) and is ignored", stacklevel=3)
        return None
    if newer:
        raise UserError(f"{file} has format {done.format}; this version reads up to {FORMAT}: update it.")
    return _with_tuples(done)


def _with_tuples(done: Round) -> Round:
    values = {f.name: getattr(done, f.name) for f in fields(Round)}
    return Round(**values | {"labelled": tuple(done.labelled), "selected": tuple(done.selected)})


def _side_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _file_name(name: str) -> str:
    safe = quote(name, safe="[]=,+ ")
    return re.sub(r"^\.", "%2E", safe)
