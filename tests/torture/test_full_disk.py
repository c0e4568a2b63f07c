"""A disk that is full: one sentence says what was not written, nothing is half-written, space mends it."""

import os
import re
import shutil

import pytest
from harness import assert_same, litter, numbers

KIB = 2**10
FULL = re.compile(r"No space left on device: '([^']+)'")
#: What is left for one run after the other, so that one kind of file after the other is the first that does
#: not fit: before the weights of round 0, beside them, and after them.
BEFORE, BESIDE, AFTER = (0, 4, 8), (4, 16), (8, 24, 64, 512)


@pytest.fixture
def disk(mounted):
    """A small disk, and what fills it up to so many bytes."""
    place = mounted("disk", "-t", "tmpfs", "-o", "size=12m", "tmpfs")
    ballast = place / "ballast"

    def leave(size=None):
        ballast.unlink(missing_ok=True)
        free = os.statvfs(place)
        if size is not None:
            with ballast.open("wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, free.f_bavail * free.f_frsize - size)

    return place, leave


@pytest.fixture
def small(written):
    return written(strategies=["consistency-diversity"], seeds=[0], full_data=False)


def unwritten(said):
    """The names of the files that a full disk did not take."""
    return {path.rpartition("/")[2] for path in FULL.findall(said)}


def test_a_run_and_an_export_onto_a_full_disk(small, undisturbed, finished, disk, injected, tmp_path):
    place, leave = disk
    leave(0)
    with injected("full disk"):
        said = finished("run", small, "--out", place / "out", code=2)
        assert said.count("Error: ") == 1
        assert unwritten(said) == {"experiment.yaml"}
    with injected("full disk"):
        packed = shutil.copytree(undisturbed(small), tmp_path / "results")
        assert unwritten(finished("export", packed, place / "results.zip", code=2)) == {"results.zip"}
    assert [path.name for path in place.rglob("*") if path.is_file()] == ["ballast", ".lock"]


@pytest.mark.slow
def test_every_kind_of_file_in_turn(small, undisturbed, finished, run, disk, injected):
    place, leave = disk
    folder, found = place / "out", set()
    weights = (undisturbed(small) / "rooms/round-0/seed-0/weights.pt").stat().st_size // KIB
    for size in (*BEFORE, *(weights + more for more in BESIDE), *AFTER):
        leave(size * KIB)
        with injected("full disk"):
            command = run(small, folder)
            assert command.code() in (1, 2), f"{size} KiB were enough"
            assert "Traceback" not in command.said
            found |= unwritten(command.said)
            assert len(numbers(folder)) == len(list(folder.rglob("round-*.json"))), (
                "all that is there is whole"
            )
            assert not [path for path in litter(folder) if path.name != "error.txt"]
    leave()
    finished("run", small, "--out", folder, "--no-timing")
    assert_same(folder, undisturbed(small))
    assert {"experiment.yaml", "environment.json", "weights.pt", "results.csv"} <= found
    assert [name for name in found if name.startswith("round-")], found
    assert [name for name in found if name.endswith((".pdf", ".svg", ".png", ".html"))], found


@pytest.mark.slow
def test_space_that_comes_back_in_time(small, undisturbed, run, disk, injected):
    place, leave = disk
    leave(12 * KIB)
    with injected("full disk, for some seconds") as row:
        command = run(small, place / "out")
        assert command.until(lambda: "try 2 of 4 follows" in command.said)
        row.lost += 1
        leave()
        assert command.code() == 0, command.said
        assert_same(place / "out", undisturbed(small))
