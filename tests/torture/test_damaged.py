"""Files that are torn, altered or another place's: noticed, and computed again to the same bits."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from harness import assert_same

from benchmark.execution.serial import run_serial
from benchmark.experiment.config import validated
from benchmark.progress import Progress
from benchmark.protocol.bench import open_bench
from benchmark.protocol.work_left import plan
from benchmark.untrusted_files import read_fields


@pytest.fixture
def small(written):
    recipe = {"iterations": 1}
    return written(strategies=["learning-loss"], seeds=[0, 1], full_data=False, budgets=[4, 7], recipe=recipe)


class Listening(Progress):
    """Keeps what is said."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def torn(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file):
    file.write_bytes(b"")


def flipped(file):
    """One bit of the first digit of a number: still one, another; the last of seventeen may change none."""
    content = bytearray(file.read_bytes())
    places = range(len(content) // 2, len(content))
    at = next(i for i in places if re.fullmatch(rb"[^\w.][0-9]", content[i - 1 : i + 1]))
    content[at] ^= 1
    file.write_bytes(content)


def of_another_seed(file):
    other = Path(str(file).replace("seed-0", "seed-1"))
    for name in (file.name, f"{file.name}.sha256"):
        if other.with_name(name).is_file():
            shutil.copy(other.with_name(name), file.with_name(name))


def sealed(file):
    """Altered, with a sum that fits: as by somebody who knows the format."""
    content = file.read_bytes()
    assert len(content) > 1000
    file.with_name(f"{file.name}.sha256").write_text(
        f"{hashlib.sha256(content[:-1]).hexdigest()}  {file.name}\n"
    )
    file.write_bytes(content[:-1])


DAMAGES = [
    *(("round-00.json", how) for how in (torn, empty, flipped, of_another_seed)),
    *(("round-01.json", how) for how in (torn, flipped)),
    *(("weights.pt", how) for how in (torn, empty, flipped, of_another_seed, sealed)),
]


@pytest.mark.parametrize(("name", "how"), DAMAGES, ids=lambda value: getattr(value, "__name__", value))
def test_a_damaged_file_is_noticed(small, undisturbed, injected, tmp_path, name, how, recwarn):
    with injected("a stored file torn, altered or of another seed") as row:
        folder, heard = shutil.copytree(undisturbed(small), tmp_path / "copy"), Listening()
        home = folder / "rooms" / ("round-0" if name == "weights.pt" else "learning-loss") / "seed-0"
        how(home / name)
        if name == "weights.pt":  # else nobody reads them
            (folder / "rooms/learning-loss/seed-0/round-00.json").unlink()
        bench = open_bench(validated(read_fields(small), "test"), folder, heard)
        assert run_serial(bench, plan(bench.experiment)) == []
        bench.store.write_results()
        row.lost += 1
        assert_same(folder, undisturbed(small))
        noticed = [*heard.lines, *(str(warning.message) for warning in recwarn)]
        assert any(str(home / name) in line or "computed again" in line for line in noticed), noticed
