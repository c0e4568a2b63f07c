"""Fetching with the real client from a hub on this machine: whole, interrupted, changed, refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from benchmark.cli import main as cli
from benchmark.data.fetching import fetch as fetching
from benchmark.data.fetching import hub as hubs
from benchmark.data.fetching.fetch import LOCK, fetch
from benchmark.data.fetching.sources import SOURCES, source_named
from benchmark.errors import BusyError, UserError

NYUD = SOURCES["nyud"]
FIRST = "data/train-00000-of-00002.parquet"


def fetched(folder, revision=None):
    """The record of a fetch, and the lines that it said."""
    said = []
    return fetch(NYUD, folder, revision, said.append), said


def refused(folder, revision=None):
    with pytest.raises(UserError) as caught:
        fetched(folder, revision)
    return str(caught.value)


def held(folder):
    """What lies in a folder, by its place, without what begins with a dot."""
    files = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def shards(hub, commit):
    return {path: data for path, data in hub.commits[commit].items() if path.endswith(".parquet")}


def test_everything_of_a_revision_but_nothing_that_could_run(hub, tmp_path):
    commit = hub.revisions["main"]
    record, said = fetched(tmp_path / "new" / "nyuv2")
    found = held(tmp_path / "new" / "nyuv2")
    written = json.loads(found.pop("fetched.json"))
    assert found == shards(hub, commit)
    assert written["commit"] == record.commit == commit
    assert (written["repository"], written["endpoint"]) == ("tanganke/nyuv2", hub.url)
    assert (written["revision"], written["complete"]) == ("main", True)
    assert written["files"].keys() == found.keys()
    assert said[0] == f"{FIRST} (1 of 3, 96 kB)"


def test_what_is_there_is_not_fetched_again(hub, tmp_path):
    fetched(tmp_path)
    hub.requests.clear()
    _, said = fetched(tmp_path)
    assert hub.ranges() == []
    assert said[0] == f"{FIRST} (1 of 3, 96 kB) is here"


def test_a_command_after_an_interruption_asks_for_the_rest_alone(hub, tmp_path):
    hub.refuse_after(FIRST, 40_000)
    assert hubs.GO_ON in refused(tmp_path)
    (part,) = (tmp_path / "data").iterdir()
    assert part.name == "train-00000-of-00002.parquet.partial"  # no reader takes it for a shard
    assert not json.loads((tmp_path / "fetched.json").read_bytes())["complete"]
    there = part.stat().st_size
    assert 0 < there <= 40_000
    hub.mend()
    _, said = fetched(tmp_path)
    assert said[0].startswith(f"{FIRST} (1 of 3, 96 kB, goes on after ")
    assert hub.ranges() == [f"bytes={there}-", None, None]
    assert shards(hub, hub.revisions["main"]).items() <= held(tmp_path).items()


def test_shards_have_their_names_only_once_all_have_come(hub, tmp_path):
    hub.refuse_after("data/val-00000-of-00001.parquet", 0)
    refused(tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_damaged_beginning_is_found_out_and_fetched_anew(hub, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / f"{FIRST}.partial").write_bytes(b"x" * 1000)
    assert "came damaged" in refused(tmp_path)
    (tmp_path / f"{FIRST}.partial").write_bytes(b"x" * 1_000_000)  # longer than the whole
    fetched(tmp_path)
    assert shards(hub, hub.revisions["main"]).items() <= held(tmp_path).items()


def test_a_file_that_changed_here_is_fetched_anew(hub, tmp_path):
    fetched(tmp_path)
    hub.requests.clear()
    (tmp_path / FIRST).write_bytes(b"x" + (tmp_path / FIRST).read_bytes()[1:])
    _, said = fetched(tmp_path)
    assert said[0] == f"{FIRST} is not as it was published: it is fetched anew"
    assert hub.ranges() == [None]
    assert shards(hub, hub.revisions["main"]).items() <= held(tmp_path).items()


def test_a_folder_stays_with_its_commit_when_the_branch_moves(hub, tmp_path):
    before = hub.revisions["main"]
    hub.refuse_after(FIRST, 40_000)
    refused(tmp_path)
    hub.mend()
    after = hub.publish("main", {"data/train-0.parquet": b"t", "data/val-0.parquet": b"v"})
    assert f"commit {before[:12]}, and 'main' is {after[:12]}" in refused(tmp_path, "main")
    record, _ = fetched(tmp_path)
    assert record.commit == before
    assert fetched(tmp_path / "other", "main")[0].commit == after


def test_a_revision_that_is_not_there_and_one_without_data(hub, tmp_path):
    assert refused(tmp_path / "a", "v9") == (
        "tanganke/nyuv2 has no revision 'v9'; --revision takes a branch, a tag or a commit."
    )
    hub.publish("empty", {"README.md": b"", "data/../../train-0.parquet": b"", "train-/x.parquet": b""})
    assert "has no file that is wanted" in refused(tmp_path / "a", "empty")
    assert not (tmp_path / "a").exists()


def test_a_hub_that_is_down_moved_or_none(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants

    with monkeypatch.context() as patched:
        patched.setattr(hub, "repository", "somebody/else")
        assert "has no data set tanganke/nyuv2" in refused(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(constants, "ENDPOINT", f"{hub.url}/cdn/{hub.revisions['main']}/README.md?")
        assert "did not answer as a hub does" in refused(tmp_path)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert refused(tmp_path).startswith("http://127.0.0.1:9 cannot be reached")


def test_an_offline_client_says_so_before_anything_is_asked(hub, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refused(tmp_path).startswith("HF_HUB_OFFLINE is set")
    assert hub.requests == []


@pytest.mark.parametrize("name", ["images", "data/train-00000-of-00009.parquet", "NYUD_MT/images"])
def test_a_folder_that_holds_something_else_is_left_alone(hub, tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    assert "is no part of tanganke/nyuv2" in refused(tmp_path)
    assert held(tmp_path) == {name: b"mine"}


def test_a_file_another_data_set_and_a_broken_record_in_its_place(hub, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "is no folder" in refused(tmp_path / "file")
    fetched(tmp_path / "nyuv2")
    record = tmp_path / "nyuv2" / "fetched.json"
    record.write_text(record.read_text().replace("tanganke/nyuv2", "a/b"))
    assert "holds a/b" in refused(tmp_path / "nyuv2")
    record.write_text("{}")
    assert "is no record of what was fetched" in refused(tmp_path / "nyuv2")


def test_room_is_looked_at_before_a_byte_comes(hub, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 5, 200_000))
    assert "has 200 kB free, and 288 kB are to come" in refused(tmp_path)
    assert hub.ranges() == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_fills_meanwhile(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "_partial", lambda *_: Path("/dev/full"))
    assert refused(tmp_path) == f"The disk is full; make room: {hubs.GO_ON}."


def test_two_at_once_do_not_write_into_one_file(hub, tmp_path):
    with FileLock(tmp_path / LOCK, fallback_to_soft=False), pytest.raises(BusyError):
        fetched(tmp_path)


def test_names_that_can_be_fetched_are_listed():
    with pytest.raises(UserError, match="'pascal' cannot be fetched; there is: nyud"):
        source_named("pascal")


@pytest.fixture
def command(monkeypatch, capsys):
    """``mtal data fetch`` in this process: its exit code, and all that it printed."""

    def call(*words):
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        monkeypatch.setattr("benchmark.words.terminal_width", lambda: 10_000)
        monkeypatch.setattr(sys, "argv", ["mtal", "data", "fetch", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, "".join(capsys.readouterr())

    return call


def test_without_the_reader_nothing_is_fetched(hub, tmp_path, command, monkeypatch):
    monkeypatch.setattr("benchmark.data.fetching.sources.find_spec", lambda _: None)
    code, text = command("nyud", tmp_path / "nyuv2", "--accept-terms")
    assert code == 2
    assert "needs pyarrow" in text
    assert hub.requests == []


def test_terms_come_first_and_are_asked_for(hub, tmp_path, command, monkeypatch):
    monkeypatch.setattr("benchmark.data.fetching.sources.find_spec", lambda _: True)
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115, PTH123 - no terminal to ask on
    code, text = command("nyud", tmp_path / "nyuv2")
    assert code == 2
    assert "belongs to its authors" in text
    assert "--accept-terms" in text
    assert hub.requests == []


def write_parquet(layout_d, folder):
    """The arrays of an exported layout D as shards, channels first."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra `parquet`")
    from pyarrow import parquet

    columns = {"image": "image", "segmentation": "label", "depth": "depth", "normal": "normal"}
    for split in ("train", "val"):
        count, table = len(list((layout_d / split / "image").iterdir())), {}
        for column, name in columns.items():
            arrays = [np.load(layout_d / split / name / f"{n}.npy") for n in range(count)]
            table[column] = [(a.transpose(2, 0, 1) if a.ndim == 3 else a).tolist() for a in arrays]
        parquet.write_table(pa.table(table), folder / f"{split}-00000-of-00001.parquet")
    return {f"data/{file.name}": file.read_bytes() for file in sorted(folder.iterdir())}


def test_the_command_checks_what_it_has_fetched(hub, tmp_path, exported, command):
    (tmp_path / "shards").mkdir()
    good = hub.publish("main", write_parquet(exported["nyud-d"], tmp_path / "shards"))
    code, text = command("nyud", tmp_path / "nyuv2", "--accept-terms")
    assert (code, f"at commit {good} is in" in text) == (0, True)
    assert "train: 5 images" in text
    assert "No problems found." in text
    assert f"mtal run --dataset nyud --data-root {tmp_path / 'nyuv2'}" in text
    hub.publish("broken", {f"data/{split}-0.parquet": b"PAR1" for split in ("train", "val")})
    code, text = command("nyud", tmp_path / "broken", "--accept-terms", "--revision", "broken")
    assert code == 2
    assert "is no parquet file or is damaged" in text


def test_the_hub_is_the_one_that_the_environment_names(hub, tmp_path):
    code = (
        "import sys, pathlib; from benchmark.data.fetching.fetch import fetch;"
        "from benchmark.data.fetching.sources import SOURCES;"
        "print(fetch(SOURCES['nyud'], pathlib.Path(sys.argv[1]), None, print).endpoint)"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0"}
    words = [sys.executable, "-c", code, str(tmp_path)]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == hub.url
    assert shards(hub, hub.revisions["main"]).items() <= held(tmp_path).items()
