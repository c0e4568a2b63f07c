"""Hostile zip files of results, and folders that would put more into one than results."""

import io
import json
import os
import stat
import warnings
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.records.round_store import Round, Store
from benchmark.report.results.archives import pack, unpacked

MANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
PLACE = "rooms/random/seed-0/round-00.json"


@pytest.fixture
def results(tmp_path):
    """A folder of results, sound and small."""
    folder = tmp_path / "results"
    Store(folder).write(Round("rooms", "random", 0, 0, "key", ("a",), {"total": {"loss": 1.0}}, "w"))
    Store(folder).write_results()
    (folder / "experiment.yaml").write_text("dataset: rooms\n")
    (folder / "environment.json").write_text(json.dumps({"data": {"pool": 10, "val": 5}}))
    return folder


@pytest.fixture
def whole(results, tmp_path):
    """The bytes of a sound archive."""
    pack(results, tmp_path / "sound.zip")
    return (tmp_path / "sound.zip").read_bytes()


@pytest.fixture
def opened(judged, tmp_path):
    """The names of the files of an archive, or None where it is refused; nothing appears beside it."""
    folder = tmp_path / "only ä"
    folder.mkdir()

    def names(content):
        path = folder / "a.zip"
        path.write_bytes(content)

        def read():
            with warnings.catch_warnings(), unpacked(path) as inside:
                assert all(file.resolve().is_relative_to(inside.resolve()) for file in inside.rglob("*"))
                assert not any(file.is_symlink() for file in inside.rglob("*"))
                return {str(file.relative_to(inside)) for file in inside.rglob("*") if file.is_file()}

        return judged(read, path)

    yield names
    assert {path.name for path in folder.iterdir()} <= {"a.zip"}
    assert not [path for path in tmp_path.rglob("*") if "escaped" in path.name]


def packed(members, number=1, **options):
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", **options) as archive:
        warnings.simplefilter("ignore")
        archive.writestr("format.json", json.dumps({"format": number}))
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


@MANY
@given(st.data())
def test_damaged_archives(fuzz, whole, opened, data):
    content = data.draw(st.booleans().flatmap(lambda end: fuzz.bytes(whole, head=len(whole) if end else 64)))
    found = opened(content)
    assert found is None or found <= {"experiment.yaml", "environment.json", "results.csv", PLACE}


NAMES = [
    "../escaped",
    "/tmp/escaped",
    "a/../../escaped/seed-0/round-0.json",
    "..\\escaped",
    "C:\\escaped",
    "\\\\h\\escaped",
]
NAMES += [
    "./rooms/seed-0/round-0.json",
    "rooms/random/seed-0/round-00.json/",
    "rooms/random/seed-\u0660/round-0.json",
    "a" * 60_000,
]
NAMES += [
    "rooms/random/seed-0/round-00.json\n",
    "rooms/random/seed-0/weights.pt",
    "experiment.yaml/x/seed-0/round-0.json",
]
NAMES += [
    f"rooms/{'x' * 300}/seed-0/round-0.json",
    "~/x/seed-0/round-0.json",
    "a\x1b]0;x\x07/b/seed-0/round-0.json",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFDIR, stat.S_IFCHR])
def test_members_of_any_name_and_kind_stay_inside(opened, name, kind):
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o6777) << 16
    found = opened(packed([("experiment.yaml", "x: 1"), (member, "/etc/passwd")]))
    assert found is None or kind == stat.S_IFREG


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_methods_that_can_claim_any_memory_are_refused(opened, method):
    assert opened(packed([("results.csv", "a" * 1000)], compression=method)) is None


def test_names_that_are_no_text_are_refused(opened):
    content = packed([("rooms/ä/seed-0/round-00.json", "{}")])
    assert opened(content) == {"rooms/ä/seed-0/round-00.json"}
    assert opened(content.replace("ä".encode(), b"\xff\xfe")) is None


@pytest.mark.parametrize("number", [0, -1, 2, 1.5, True, None, "1", [1], {"a": 1}, 10**30, "x" * 2000])
def test_formats_of_any_value_are_refused(opened, number):
    assert opened(packed([("results.csv", "")], number)) is None


def test_sizes_that_lie_are_noticed(opened):
    content = packed([("results.csv", bytes(100_000))], compression=zipfile.ZIP_DEFLATED)
    size = (100_000).to_bytes(4, "little")
    assert opened(content) == {"results.csv"}
    for claimed in (100_001, 2**32 - 1):
        more = content.replace(size, claimed.to_bytes(4, "little"))
        assert opened(more) == {"results.csv"}, "no byte too many"
    for lie in (1, 99_999):
        assert opened(content.replace(size, lie.to_bytes(4, "little"))) is None


@pytest.mark.parametrize("kind", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_plain_file_is_no_archive(judged, tmp_path, kind):
    path = tmp_path / "a.zip"
    kind(path)

    def read():
        with unpacked(path):
            raise AssertionError("it was unpacked")

    assert judged(read, path) is None


def refused(judged, results, out):
    assert judged(lambda: pack(results, out), results) is None
    assert not out.exists()


@pytest.mark.parametrize("name", ["experiment.yaml", "environment.json", "results.csv", PLACE])
def test_links_put_no_other_file_into_what_is_shared(judged, results, tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (results / name).unlink()
    (results / name).symlink_to(secret)
    refused(judged, results, tmp_path / "a.zip")
    (results / name).unlink()
    os.mkfifo(results / name)
    refused(judged, results, tmp_path / "a.zip")


def test_folders_that_are_links_put_no_other_file_into_what_is_shared(judged, results, tmp_path):
    (results / "rooms/random").rename(tmp_path / "elsewhere")
    (results / "rooms/random").symlink_to(tmp_path / "elsewhere")
    refused(judged, results, tmp_path / "a.zip")
