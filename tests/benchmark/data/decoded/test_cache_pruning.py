"""The cache of decoded images: shown, and bounded by taking away what nobody opens any more."""

import os
import time

import numpy as np
import pytest
from filelock import FileLock

from benchmark.data.decoded.cache_pruning import DAY, kept_sets, pruned, size_of
from benchmark.data.decoded.memory_map import arrays_folder, kept_arrays
from benchmark.data.decoded.rows import Rows
from benchmark.data.rooms import RoomsConfig, open_rooms

ROOMS = open_rooms(RoomsConfig(pool=3, val=2, height=16, width=24))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MTAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def opened():
    """Opens both splits, which decodes them where they are not kept."""

    def both():
        return [
            kept_arrays(Rows(split, ROOMS.tasks), "d", lambda _: None) for split in (ROOMS.train, ROOMS.val)
        ]

    return both


def age(folder, days):
    then = time.time() - days * DAY
    os.utime(folder, (then, then))


def test_an_empty_cache_is_no_error(mtal, cache):
    assert kept_sets() == pruned(0) == []
    ended = mtal("data", "cache", "--prune")
    assert (ended.code, ended.out) == (0, f"    0.00 GB  in {cache}\n")


def test_sizes_are_those_of_the_files(opened, cache):
    opened()
    sizes = [sum(file.stat().st_size for file in kept.folder.iterdir()) for kept in kept_sets()]
    assert [kept.size for kept in kept_sets()] == sizes
    rows = sum(Rows(split, ROOMS.tasks).size for split in (ROOMS.train, ROOMS.val))
    assert rows < sum(sizes) == size_of(cache)


def test_only_what_was_not_opened_for_long_goes(opened):
    opened()
    old, new = kept_sets()
    age(old.folder, 31)
    age(new.folder, 29)
    assert [kept.folder for kept in pruned(30)] == [old.folder]
    assert [kept.folder for kept in kept_sets()] == [new.folder]


def test_opening_keeps_a_set_and_brings_a_pruned_one_back(opened):
    first = [np.array(column) for column in opened()[0]]
    for kept in kept_sets():
        age(kept.folder, 40)
    opened()
    assert pruned(30) == []
    assert len(pruned(0)) == 2
    assert kept_sets() == []
    again = opened()[0]
    assert all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(first, again, strict=True))


def test_an_open_set_can_still_be_read_when_it_is_taken_away(opened):
    columns = opened()[0]
    before = columns[0].copy()
    pruned(0)
    assert np.array_equal(columns[0], before)


def test_what_is_being_written_stays_and_what_a_killed_process_left_goes(opened):
    opened()
    one, other = kept_sets()
    left = one.folder.with_suffix(".partial")
    left.mkdir()
    for folder in (one.folder, other.folder, left):
        age(folder, 31)
    with FileLock(other.folder.with_suffix(".lock"), fallback_to_soft=False):
        assert {kept.folder for kept in pruned(30)} == {one.folder, left}
    assert [kept.folder for kept in kept_sets()] == [other.folder]


def test_arrays_of_an_older_version_go_too(cache):
    older = cache / "arrays-0" / "abc"
    older.mkdir(parents=True)
    assert older.parent != arrays_folder()
    age(older, 31)
    assert [kept.folder for kept in pruned(30)] == [older]


def test_the_command_shows_and_prunes(mtal, opened, cache):
    opened()
    for kept in kept_sets():
        age(kept.folder, 12)
    shown = mtal("data", "cache").out.splitlines()
    assert len(shown) == 3
    assert all("last opened 12 days ago" in line for line in shown[:2])
    assert shown[-1].endswith(f"in {cache}")
    assert mtal("data", "cache", "--prune").out.splitlines() == shown
    lines = mtal("data", "cache", "--prune", "--days", "10").out.splitlines()
    assert [line.endswith(" (removed)") for line in lines] == [True, True, False]
    assert kept_sets() == []
