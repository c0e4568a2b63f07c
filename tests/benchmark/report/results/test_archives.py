"""Results packed and read elsewhere; hostile archives write nothing outside and run nothing."""

import json
import stat
import warnings
import zipfile
from dataclasses import replace

import pytest

from benchmark.errors import UserError
from benchmark.records.round_store import NOISE_FLOOR, Round, Store
from benchmark.report import read_studies
from benchmark.report.results import archives as share
from benchmark.report.results.archives import Packed, pack, unpacked
from benchmark.report.results.study import read_study


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    for seed in (0, 1):
        done = Round(
            "rooms", "entropy[task=depth]", seed, 0, "key", ("a", "b"), {"total": {"loss": 1.0}}, "w"
        )
        Store(folder).write(done)
    Store(folder).write_results()
    (folder / "experiment.yaml").write_text("dataset: rooms\n")
    (folder / "environment.json").write_text(json.dumps({"data": {"pool": 10, "val": 5}}))
    (folder / "rooms" / "round-0" / "seed-0").mkdir(parents=True)
    (folder / "rooms" / "round-0" / "seed-0" / "weights.pt").write_bytes(b"large")
    return folder


def content_of(folder):
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_what_is_packed_reads_back_equal_and_weights_stay_at_home(results, tmp_path):
    assert pack(results, tmp_path / "a.zip") == Packed(2, ())
    expected = {name: data for name, data in content_of(results).items() if not name.endswith(".pt")}
    with unpacked(tmp_path / "a.zip") as folder:
        assert content_of(folder) == expected
        assert [done.seed for done in Store(folder).rounds()] == [0, 1]
    assert not folder.exists()


def test_without_scores_a_round_is_sound_and_has_all_the_rest(results, tmp_path):
    scored = replace(next(Store(results).rounds()), seed=2, scores=[[0.25, 1.5]] * 300, selected=("c",))
    Store(results).write(scored)
    Store(results).write_results()
    (results / "rooms" / "entropy[task=depth]" / "seed-2" / "round-01.json").write_bytes(b"torn {")
    with pytest.warns(UserWarning, match="is not a stored round"):
        pack(results, tmp_path / "whole.zip")
    with pytest.warns(UserWarning, match="is not a stored round"):
        pack(results, tmp_path / "small.zip", scores=False)
    assert (tmp_path / "small.zip").stat().st_size < (tmp_path / "whole.zip").stat().st_size
    with unpacked(tmp_path / "small.zip") as folder, pytest.warns(UserWarning, match="is not a stored round"):
        assert list(Store(folder).rounds())[2] == replace(scored, scores=None)


def test_why_a_trajectory_failed_goes_along_without_the_places_of_this_machine(results, tmp_path):
    failed = results / "rooms" / "entropy" / "seed-0"
    failed.mkdir(parents=True)
    (failed / "error.txt").write_text(
        'Traceback\n  File "/home/me/x.py"\nValueError: \u00fc' + "\u00e4" * 9000
    )
    pack(results, tmp_path / "a.zip")
    with unpacked(tmp_path / "a.zip") as folder:
        text = (folder / "rooms" / "entropy" / "seed-0" / "error.txt").read_bytes()
        pack(folder, tmp_path / "b.zip")
    assert text.decode().startswith("ValueError: \u00fc\u00e4")
    assert len(text) <= share.REASON_BYTES
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_reason_longer_than_any_that_is_packed_is_no_part_of_results(results, tmp_path):
    pack(results, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as content:
        content.writestr("rooms/entropy/seed-0/error.txt", b"x" * 2001)
    with pytest.raises(UserError, match=r"error\.txt.*no part of results"), unpacked(tmp_path / "a.zip"):
        pass


def test_an_archive_is_read_whole_and_is_not_needed_after(results, tmp_path):
    store = Store(results)
    for repeat in range(3):
        loss = {"total": {"loss": 1.0 + repeat / 10}}
        store.write(Round("rooms", NOISE_FLOOR, repeat, 0, "key", ("a", "b"), loss, "w"))
    (results / "experiment.yaml").write_text(
        "dataset: rooms\nstrategies: ['entropy[task=depth]', margin]\nseeds: [0]\nbudgets: [2, 3]\n"
    )
    failed = store.trajectory("rooms", "margin", 0)
    failed.mkdir(parents=True)
    (failed / "error.txt").write_text("ValueError: no such margin")
    pack(results, tmp_path / "a.zip")
    (own,), (packed,) = (read_studies([source]).sources for source in (results, tmp_path / "a.zip"))
    assert packed.rounds == own.rounds
    assert packed.noise == own.noise
    assert packed.noise_of("rooms", NOISE_FLOOR) == store.noise_rounds("rooms")
    assert packed.error_of("rooms", "margin", 0) == own.error_of("rooms", "margin", 0)
    assert own.error_of("rooms", "margin", 0) == "ValueError: no such margin"


def test_the_same_results_are_the_same_bytes(results, tmp_path):
    pack(results, tmp_path / "a.zip")
    pack(results, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


ODD = ("round-00 (1).json", "round-00.json~", "round-0x.json", "round-01\\.json", "round-\u202e.json")


@pytest.mark.parametrize("name", ODD)
def test_what_a_report_would_refuse_is_not_packed_and_named(name, results, tmp_path, mtal):
    """A copy beside the original, as file managers make them; one rule decides for packing and reading."""
    trajectory = results / "rooms" / "entropy[task=depth]" / "seed-0"
    (trajectory / name).write_bytes((trajectory / "round-00.json").read_bytes())
    looks_like_a_round = name.endswith(".json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the copy, which is no round of its place
        said = mtal("export", results, "a.zip")
        assert said.code == 0
        assert ("Left out" in said.err) == looks_like_a_round
        with unpacked(tmp_path / "a.zip") as folder:
            assert [done.seed for done in Store(folder).rounds()] == [0, 1]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("environment.json", "{}", r"environment\.json must give"),
        ("environment.json", "{", r"environment\.json cannot be read"),
        ("experiment.yaml", "[1]", r"experiment\.yaml must hold fields"),
    ],
)
def test_a_folder_that_no_report_can_be_made_of_is_refused_in_the_same_words(
    file, content, words, results, tmp_path
):
    (results / file).write_text(content)
    with pytest.raises(UserError, match=words) as of_report:
        read_study(results)
    with pytest.raises(UserError) as of_export:
        pack(results, tmp_path / "a.zip")
    assert str(of_export.value) == str(of_report.value)
    assert not (tmp_path / "a.zip").exists()


def test_the_table_that_is_packed_is_that_of_the_rounds(results, tmp_path):
    sound = (results / "results.csv").read_bytes()
    (results / "results.csv").write_bytes(sound.replace(b"1.0", b"0.1"))
    with pytest.warns(UserWarning, match="is not what the stored rounds say"):
        pack(results, tmp_path / "a.zip")
    with unpacked(tmp_path / "a.zip") as folder:
        assert (folder / "results.csv").read_bytes() == sound


def test_a_run_that_has_not_ended_is_packed_with_the_table_of_its_rounds(results, tmp_path):
    pack(results, tmp_path / "ended.zip")
    (results / "results.csv").unlink()
    pack(results, tmp_path / "going-on.zip")
    with unpacked(tmp_path / "ended.zip") as one, unpacked(tmp_path / "going-on.zip") as other:
        assert content_of(one) == content_of(other)


def test_what_could_not_be_unpacked_is_not_packed(results, tmp_path, monkeypatch):
    monkeypatch.setattr(share, "MOST", 3)
    with pytest.raises(UserError, match="more than results can be"):
        pack(results, tmp_path / "a.zip")


def test_a_folder_without_results_and_a_file_that_is_there_are_refused(results, tmp_path):
    with pytest.raises(UserError, match=r"holds no experiment\.yaml"):
        pack(tmp_path, tmp_path / "a.zip")
    pack(results, tmp_path / "a.zip")
    with pytest.raises(UserError, match="is there already"):
        pack(results, tmp_path / "a.zip")


def archive(path, members, number=1):
    with zipfile.ZipFile(path, "w") as content:
        if number is not None:
            content.writestr("format.json", json.dumps({"format": number}))
        for name, data in members:
            content.writestr(name, data)
    return path


def refused(path):
    with pytest.raises(UserError) as caught, unpacked(path):
        pass
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "/etc/evil",
        "rooms/../../evil/seed-0/round-00.json",
        "../rooms/seed-0/round-00.json",
        "..\\x/y/seed-0/round-00.json",
        "rooms/entropy/seed-0/round-00.json/../x",
        "a\\b",
        "weights.pt",
        "results.csv/x",
    ],
)
def test_a_member_that_is_no_result_is_refused_before_anything_is_written(name, tmp_path):
    good = "rooms/random/seed-0/round-00.json"
    assert "no part of results" in refused(archive(tmp_path / "a.zip", [(good, "{}"), (name, "x")]))
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip"}


def test_a_symbolic_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("experiment.yaml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "no part of results" in refused(archive(tmp_path / "a.zip", [(link, "/etc/passwd")]))


def test_a_bomb_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(share, "LARGEST", 10**6)
    zeros = archive(tmp_path / "a.zip", [("results.csv", b"0" * (10**6 + 1))])
    assert "more than results can be" in refused(zeros)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_file_twice_is_refused(tmp_path):
    assert "twice" in refused(archive(tmp_path / "a.zip", [("results.csv", "a"), ("results.csv", "b")]))


@pytest.mark.parametrize(
    ("number", "word"),
    [(2, "update mtal-benchmark"), (0, "whole number"), ("1", "whole number"), (None, "no readable")],
)
def test_the_format_is_checked(number, word, tmp_path):
    assert word in refused(archive(tmp_path / "a.zip", [], number))


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", b"\x1f\x8b" + bytes(100)])
def test_what_is_no_archive_is_one_sentence(content, tmp_path):
    (tmp_path / "a.zip").write_bytes(content)
    assert "packed by `mtal export`" in refused(tmp_path / "a.zip")


def test_a_torn_archive_is_noticed(results, tmp_path):
    pack(results, tmp_path / "a.zip")
    whole = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "torn.zip").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in refused(tmp_path / "torn.zip")
    at = whole.index(b"results.csv") + 30
    (tmp_path / "flipped.zip").write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    assert "cannot be read" in refused(tmp_path / "flipped.zip")
