"""Long studies: nothing but the results grows with the rounds, and ten thousand are counted at once."""

import ctypes
import gc
import json
import os
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from processor_time import in_imports

from benchmark.execution.serial import run_serial
from benchmark.protocol import trajectory
from benchmark.protocol.work_left import plan
from benchmark.records.round_store import COLUMNS, Round, Store, to_json

LONG = {
    "recipe": {"iterations": 2, "batch_size": 4, "evaluation_batch_size": 64},
    "strategies": ["random", "consistency-diversity"],
    "full_data": False,
}
PAGE = os.sysconf("SC_PAGE_SIZE")


def held():
    """What this process holds: megabytes, open files, threads, children.

    What is free but not yet given back to the system, which goes up and down by tens of megabytes, is given
    back before.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return (
        pages * PAGE / 1e6,
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        len(children),
    )


@pytest.fixture
def seen(monkeypatch):
    """By strategy, what was held at the end of each round."""
    found, play = {}, trajectory.Turn.play

    def watched(turn):
        done = play(turn)
        found.setdefault(turn.named.name, []).append(held())
        return done

    monkeypatch.setattr(trajectory.Turn, "play", watched)
    return found


@pytest.mark.parametrize(
    ("rounds", "pool", "settled", "growth"),
    [
        pytest.param(20, 60, 10, 20, id="20", marks=pytest.mark.slow),
        pytest.param(200, 250, 50, 10, id="200", marks=pytest.mark.slow),
    ],
)
def test_nothing_grows_with_the_rounds(
    small_bench, tmp_path, seen, monkeypatch, rounds, pool, settled, growth
):
    """``growth``: megabytes beyond what was held after ``settled`` rounds, for each strategy.

    What a round leaves behind does not depend on how long it distils: 100 steps do it, not 2,000.
    """
    monkeypatch.setattr("strategies.distillation.STEPS", 100)
    data = {"pool": pool, "val": 6, "height": 32, "width": 32}
    bench = small_bench(tmp_path, **LONG, data=data, budgets=[*range(2, rounds + 2)])
    assert run_serial(bench, list(plan(bench.experiment))) == []
    assert len(seen) == 2
    for found in seen.values():
        assert len(found) == rounds
        memory, *others = zip(*found[settled:], strict=True)
        assert max(memory) - memory[0] < growth
        assert all(max(counts) <= counts[0] for counts in others), "files, threads and processes"


def many_rounds(folder, strategies=10, seeds=10, rounds=100):
    """A folder as a study leaves it, each round with metrics of five tasks and a selection."""
    store, names = Store(folder), [f"margin-{n}" for n in range(strategies)]
    contents = [content_of(number) for number in range(rounds)]
    for name in names:
        for seed in range(seeds):
            home = store.trajectory("rooms", name, seed)
            home.mkdir(parents=True)
            for number, content in enumerate(contents):
                own = content.replace("NAME", name).replace('"seed": 0', f'"seed": {seed}')
                (home / f"round-{number:02d}.json").write_text(own)
    fields = {"budgets": [*range(2, rounds + 2)], "strategies": names, "seeds": [*range(seeds)]}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(fields | {"full_data": False}))
    (folder / "environment.json").write_text(json.dumps({"data": {"pool": 1000}}))
    return store


def content_of(number):
    metrics = {task: {"loss": 0.5, "initial_loss": 0.6, "metric": 0.7} for task in "abcde"}
    ids = tuple(f"{image:05d}" for image in range(number + 2))
    done = Round("rooms", "NAME", 0, number, "key", ids, metrics, "digest", (f"{number + 2:05d}",))
    return to_json(asdict(done)).decode()


def test_ten_thousand_rounds_are_counted_in_little_time(tmp_path):
    """In processor time, start of Python included: the machine may have other things to do."""
    store = many_rounds(tmp_path / "run")
    status = "from benchmark.cli.main import main; main()"
    counted = "\n10,000 of 10,000 rounds in all\n"
    assert in_imports(status, "status", store.root, ends=counted, limit=1.5) < 1.5


def test_the_table_of_many_rounds_has_a_row_for_every_number(tmp_path):
    table = many_rounds(tmp_path / "run", strategies=2, seeds=2, rounds=101).write_results()
    head, *rows = table.read_text().splitlines()
    assert head == ",".join(COLUMNS)
    assert len(rows) == 2 * 2 * 101 * 15
    assert [int(row.split(",")[-5]) for row in rows[: 101 * 15 : 15]] == [*range(101)], (
        "in order, from 100 on too"
    )
