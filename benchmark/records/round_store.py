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
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmark.errors import BusyError, UserError
from benchmark.records import loss_file
from benchmark.records.checks.sound_fields import SOUND, is_count
from benchmark.records.loss_file import ImageLosses
from benchmark.records.score_file import are_many, as_file, beside, read_scores
from benchmark.untrusted_files import read_json

FORMAT = 1
#: Of a round whose scores are in a file of their own, which earlier versions would not find.
WITH_SCORE_FILE = 2
#: Of a round that has a part of some images' labels, which earlier versions would take for whole ones.
WITH_LABELS = 3
SUM = "sha256"  # of a round's other fields, in its file
SIDE_FILE = 1000  # bytes: a digest and a name
#: Files of a round, and its pictures.
PARTS = r"(?:round|picks)-(\d+)(?:\.json|\.scores\.npy|\.losses\.npy\.gz)?"
EARLIER = "earlier"  # in a trajectory's folder: rounds that were computed again
#: The last is the best constant prediction, which is no network.
FULL_DATA, ROUND_ZERO, CONSTANT = "full-data", "round-0", "constant"
#: One labelled set under several training seeds, and several random sets under one.
NOISE_FLOOR, NOISE_SELECTION = "noise-floor", "noise-selection"
#: Folders of a data set that are no trajectories.
APART = (ROUND_ZERO, NOISE_FLOOR, NOISE_SELECTION)
#: A folder of results beside those of data sets: trainings on batches of images, which are no trajectories.
USEFULNESS = "usefulness"
#: Fields of a round that are left out of its file where images are whole.
PRICED = frozenset({"labels", "selected_labels", "budget", "spent"})
RESULTS = "results.csv"
#: The plan of a study, and what was changed of it after results were there.
PLAN, CHANGES = "plan.yaml", "plan-changes.json"
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
    #: By labelled image the names of the tasks whose labels were trained on, and by selected image of those
    #: that are bought; None where all are whole.
    labels: tuple[tuple[str, ...], ...] | None = None
    selected_labels: tuple[tuple[str, ...], ...] | None = None
    #: What might be spent so far, and what was for each task's labels, in whole images' worth; None where
    #: both are the labelled images.
    budget: int | None = None
    spent: Mapping[str, float] | None = None
    #: Selection scores of every image of the pool (N x T), if the strategy gave any.
    scores: list[list[float]] | None = None
    #: Of each selected image, given those before it, if the strategy drew them and said so.
    probabilities: list[float] | None = None
    #: What it says of its file of losses of single validation images (see ``loss_file``), if it has one.
    image_losses: Mapping[str, Any] | None = None
    #: What the strategy noted of its selection, by name.
    notes: Mapping[str, float] = field(default_factory=dict)
    strategy_state: Mapping[str, Any] = field(default_factory=dict)
    #: By stage as it took, and by ``processor(stage)`` as the processor worked for it.
    seconds: Mapping[str, float] = field(default_factory=dict)
    peak_memory_mb: float = 0.0
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Labelled images; of labels that were bought by themselves, the whole images that they may cost."""
        return len(self.labelled) if self.budget is None else self.budget


class Store:
    """One folder of results."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def trajectory(self, dataset: str, strategy: str, seed: int) -> Path:
        """The folder of a trajectory; signs that file systems dislike are percent-encoded."""
        return self.root / folder_name(dataset) / folder_name(strategy) / f"seed-{seed}"

    def read(self, dataset: str, strategy: str, seed: int, number: int) -> Round | None:
        """A stored round, or None. A torn or foreign file is ignored with a warning."""
        return self._read(self._file(dataset, strategy, seed, number))

    def write(self, done: Round, losses: ImageLosses | None = None) -> Round:
        """Commit a round, with the losses of its validation images in a file of their own."""
        file = self._file(done.dataset, done.strategy, done.seed, done.round)
        file.parent.mkdir(parents=True, exist_ok=True)
        if losses is not None:
            done = replace(done, image_losses=_apart(loss_file.beside(file), *loss_file.as_file(losses)))
        content = json.loads(to_json(asdict(replace(done, scores=None))))
        unset = {name for name in PRICED if content[name] is None}
        content = {name: value for name, value in content.items() if name not in unset}
        content["scores"] = done.scores
        if are_many(done.scores):
            apart = _apart(beside(file), *as_file(done.scores or []))
            content |= {"scores": apart, "format": WITH_SCORE_FILE}
        if unset != PRICED:
            content["format"] = WITH_LABELS
        write_atomically(file, to_json(content | {SUM: digest_of(content)}))
        return done

    def lay_aside(self, dataset: str, strategy: str, seed: int, number: int) -> None:
        """Move a round, all after it and their pictures into ``earlier/``, in the place of what is there."""
        home = self.trajectory(dataset, strategy, seed)
        earlier = home / EARLIER
        for path in [*home.glob("round-*"), *home.glob("picks-*")]:
            at = re.fullmatch(PARTS, path.name)
            if at and int(at[1]) >= number:
                earlier.mkdir(exist_ok=True)
                _replace(path, earlier / path.name)

    def rounds(self, scores: bool = True) -> Iterator[Round]:
        """Every stored round of every trajectory, in a fixed order, or all of them but for their scores."""
        for file in sorted(self.root.glob("*/*/seed-*/round-*.json")):
            if file.parent.parent.name not in APART and (done := self._read(file, scores)):
                yield done

    def losses_of(self, done: Round) -> ImageLosses | None:
        """Losses of a stored round's validation images; None where none are kept, with a warning where they
        are not what was written.
        """
        if done.image_losses is None:
            return None
        file = self._file(done.dataset, done.strategy, done.seed, done.round)
        try:
            return loss_file.read_losses(file, done.image_losses, done.metrics)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            warnings.warn(f"{loss_file.beside(file)} is not used: {why}", stacklevel=2)
            return None

    def noise_rounds(self, dataset: str, part: str = NOISE_FLOOR) -> list[Round]:
        """Every stored training of a part of the noise of a data set."""
        files = sorted((self.root / folder_name(dataset) / part).glob("seed-*/round-*.json"))
        return [done for file in files if (done := self._read(file))]

    def noise_datasets(self) -> list[str]:
        """The data sets whose noise was measured."""
        files = sorted(self.root.glob(f"*/{NOISE_FLOOR}/seed-*/round-*.json"))
        return sorted({done.dataset for file in files if (done := self._read(file))})

    def write_results(self) -> Path:
        """Derive ``results.csv`` from the stored rounds."""
        path = self.root / RESULTS
        write_atomically(path, results_table(self.rounds(scores=False)))
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

    def _read(self, file: Path, scores: bool = True) -> Round | None:
        done = _read_round(file, scores)
        if done is None or file == self._file(done.dataset, done.strategy, done.seed, done.round):
            return done
        warnings.warn(f"{file} is the round of another place and is ignored", stacklevel=3)
        return None

    def _file(self, dataset: str, strategy: str, seed: int, number: int) -> Path:
        return self.trajectory(dataset, strategy, seed) / f"round-{number:02d}.json"


def results_table(rounds: Iterable[Round]) -> bytes:
    """What ``results.csv`` holds of these rounds."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for done in sorted(rounds, key=lambda r: (r.dataset, r.strategy, r.seed, r.round)):
        table.writerows(_rows(done))
    return text.getvalue().encode()


def _replace(path: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    path.replace(target)


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
    with _side_file(path).open("rb") as stream:
        noted = stream.read(SIDE_FILE).split()[:1]
    if noted == [hashlib.sha256(content).hexdigest().encode()]:
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
    except OSError as error:  # what a full disk says does not name the file
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
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


#: Bytes that a file system takes, and of a longer name the part that is kept.
LONGEST_FOLDER, LONGEST_BEGINNING = 255, 200


def processor(stage: str) -> str:
    """What the processor time of a stage is called beside its seconds."""
    return f"{stage}_processor"


def folder_name(name: str) -> str:
    """A data set's or strategy's name as that of its folder.

    A file system takes 255 bytes: of a longer name, as of a strategy with every parameter set, it is the
    beginning and a digest.
    """
    safe = escaped(name)
    if len(safe) <= LONGEST_FOLDER:
        return safe
    return f"{safe[:LONGEST_BEGINNING]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def escaped(name: str) -> str:
    """A name without what a path or a file system takes for something else."""
    return re.sub(r"^\.", "%2E", quote(name, safe="[]=,+ "))


def _rows(done: Round) -> Iterator[tuple[Any, ...]]:
    for task, values in sorted(done.metrics.items()):
        for metric, value in sorted(values.items()):
            head = (done.dataset, done.strategy, done.seed, done.round, done.size)
            yield (*head, task, metric, "" if value is None else repr(value))


def _apart(file: Path, content: bytes, said: dict[str, Any]) -> dict[str, Any]:
    """Write numbers beside the round, before it: a round without them would count as done."""
    write_atomically(file, content)
    return said


def _read_round(file: Path, scores: bool = True) -> Round | None:
    if not file.is_file():
        return None
    try:
        content = read_json(file)
        number = content["format"]
        if not is_count(number):
            raise ValueError(f"its format is {number!r:.60}")
        if number <= WITH_LABELS:
            return _with_scores(file, _round_of(content), scores)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        warnings.warn(f"{file} is not a stored round ({error}) and is ignored", stacklevel=4)
        return None
    raise UserError(f"{file} has format {number}; this version reads up to {WITH_LABELS}: update it.")


def _with_scores(file: Path, done: Round, scores: bool) -> Round:
    """With the scores that are in a file of their own, or without any. Raises ValueError."""
    said: Any = done.scores
    if not isinstance(said, dict):
        return done if scores else replace(done, scores=None)
    try:
        return replace(done, scores=read_scores(file, said) if scores else None)
    except OSError as error:
        raise ValueError(f"its scores, {beside(file).name}, cannot be read: {error.strerror}") from error


def _round_of(content: Mapping[str, Any]) -> Round:
    """The round, if every field is as a run writes it. Raises ValueError and TypeError."""
    if SUM in content and content[SUM] != digest_of({n: v for n, v in content.items() if n != SUM}):
        raise ValueError(f"it does not match its {SUM}")
    values = {f.name: content[f.name] for f in fields(Round) if f.name in content}
    wrong = next((name for name, value in values.items() if not SOUND[name](value)), None)
    if wrong:
        raise ValueError(f"its {wrong} is not what a run writes")
    done = Round(**values)
    if done.probabilities is not None and len(done.probabilities) != len(done.selected):
        raise ValueError("its probabilities are not those of what it selected")
    for name, of in (("labels", done.labelled), ("selected_labels", done.selected)):
        if getattr(done, name) is not None and len(getattr(done, name)) != len(of):
            raise ValueError(f"its {name} are not those of its images")
    done = replace(done, labels=_tuples(done.labels), selected_labels=_tuples(done.selected_labels))
    return replace(done, labelled=tuple(done.labelled), selected=tuple(done.selected))


def _tuples(names: Sequence[Sequence[str]] | None) -> tuple[tuple[str, ...], ...] | None:
    return None if names is None else tuple(map(tuple, names))


def _side_file(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
