"""What killed processes leave is taken away, and what a living one is at is left alone."""

import pytest

from benchmark.execution.leftovers import remove_litter, remove_litter_of_jobs
from benchmark.records.round_store import Store, write_atomically


@pytest.fixture
def folder(tmp_path):
    """A folder of results with litter in all places, and one good file in each."""
    homes = [tmp_path / name for name in (".", "tables", "figures", "rooms/random/seed-0")]
    for home in homes:
        home.mkdir(parents=True, exist_ok=True)
        (home / ".results.csv.x1y2.tmp").write_text("half of")
        write_atomically(home / "good", b"whole")
    (homes[-1] / ".picks-00.x1y2/new").mkdir(parents=True)
    (homes[-1] / ".picks-00.x1y2/new/1.jpg").write_bytes(b"half of")
    (homes[-1] / "status.json").write_text("{}")
    return tmp_path


def left_in(folder):
    return sorted({path.name for path in folder.rglob("*") if path.is_file()})


def test_all_of_it_goes_and_nothing_else(folder):
    remove_litter(folder)
    assert left_in(folder) == [".lock", "good"]
    assert len(list(folder.rglob("good"))) == 4


def test_a_job_that_is_at_work_keeps_what_it_writes(folder):
    with Store(folder).locked("rooms", "random", 0):
        remove_litter(folder)
        assert "status.json" in left_in(folder)
        assert (folder / "rooms/random/seed-0/.results.csv.x1y2.tmp").is_file()
        assert not (folder / ".results.csv.x1y2.tmp").exists()
    remove_litter_of_jobs(folder)
    assert left_in(folder) == [".lock", "good"]


def test_a_clean_folder_is_not_touched(tmp_path):
    write_atomically(tmp_path / "good", b"whole")
    (tmp_path / "rooms/random/seed-0").mkdir(parents=True)
    remove_litter(tmp_path)
    assert left_in(tmp_path) == ["good"]
