"""Losses of single validation images lie beside their round: the same to 12 digits, sealed, never needed."""

import gzip
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from benchmark.records.loss_file import ImageLosses, as_file, beside, digest_of_ids, read_losses
from benchmark.records.round_store import Round, Store, digest_of, to_json
from benchmark.report.results.archives import pack, unpacked

LOSS = st.floats(0, 2.0**100, width=32).filter(lambda loss: loss == 0 or loss > 2.0**-100)
IDS = tuple(f"image-{number}" for number in range(50))


def of(table, **changes):
    return replace(ImageLosses(np.asarray(table, np.float32), ("a", "b"), (1.0, 4.0), "0"), **changes)


def metrics_of(losses):
    known = [column[~np.isnan(column)].astype(float) for column in losses.table.T]
    means = [float(some.mean()) if some.size else None for some in known]
    return {task: {"loss": mean} for task, mean in zip(losses.tasks, means, strict=True)}


@pytest.fixture
def losses():
    table = np.random.default_rng(0).gamma(2, 0.3, (50, 2)).astype(np.float32)
    table[::7, 1] = np.nan
    return of(table, ids=digest_of_ids(IDS))


@pytest.fixture
def done(losses):
    return Round("rooms", "entropy", 0, 1, "k", ("x",), metrics_of(losses), "w")


@pytest.fixture
def file(tmp_path, done, losses):
    Store(tmp_path).write(done, losses)
    return Store(tmp_path).trajectory("rooms", "entropy", 0) / "round-01.json"


def stored(tmp_path):
    return Store(tmp_path).read("rooms", "entropy", 0, 1)


@given(arrays.arrays(np.float32, (6, 2), elements=st.one_of(LOSS, st.just(np.nan))))
def test_numbers_are_read_back_to_twelve_binary_digits(tmp_path_factory, table):
    file = tmp_path_factory.mktemp("results") / "round-01.json"
    content, said = as_file(of(table))
    beside(file).write_bytes(content)
    found = read_losses(file, said, metrics_of(of(table)))
    np.testing.assert_allclose(found.table, table, rtol=1 / 4096)
    with gzip.open(beside(file)) as stream:
        np.testing.assert_array_equal(np.load(stream, allow_pickle=False), found.table)


def test_a_round_is_read_with_them_and_without(tmp_path, file, done, losses):
    found = Store(tmp_path).losses_of(stored(tmp_path))
    np.testing.assert_allclose(found.table, losses.table, rtol=1 / 4096)
    assert (found.tasks, found.weights, found.ids) == (("a", "b"), (1.0, 4.0), digest_of_ids(IDS))
    assert replace(stored(tmp_path), image_losses=None) == done
    Store(tmp_path).write(replace(done, round=2))
    without = Store(tmp_path).read("rooms", "entropy", 0, 2)
    assert without.image_losses is None
    assert Store(tmp_path).losses_of(without) is None
    assert not beside(file.with_name("round-02.json")).exists()


def test_the_table_of_results_does_not_change(tmp_path, file, done):
    before = Store(tmp_path).write_results().read_bytes()
    beside(file).unlink()
    Store(tmp_path).write(done)
    assert Store(tmp_path).write_results().read_bytes() == before


def test_a_round_of_an_earlier_version_has_none(tmp_path, file):
    content = json.loads(file.read_bytes())
    for name in ("image_losses", "sha256"):
        del content[name]
    file.write_bytes(to_json(content | {"sha256": digest_of(content)}))
    assert stored(tmp_path).image_losses is None


def test_they_pack_to_six_tenths_of_single_precision(file, losses):
    many = of(np.random.default_rng(1).gamma(2, 0.3, (3000, 2)))
    assert len(as_file(many)[0]) < 0.62 * many.table.nbytes
    assert as_file(many) == as_file(many)


@pytest.mark.parametrize("how", ["missing", "torn", "altered", "folder"])
def test_a_damaged_file_is_told_and_not_used_and_the_round_stays(tmp_path, file, done, how):
    numbers = beside(file)
    content = bytearray(numbers.read_bytes())
    content[-9] ^= 1
    {
        "missing": numbers.unlink,
        "torn": lambda: numbers.write_bytes(content[:100]),
        "altered": lambda: numbers.write_bytes(content),
        "folder": lambda: (numbers.unlink(), numbers.mkdir()),
    }[how]()
    assert replace(stored(tmp_path), image_losses=None) == done, "no training is lost by it"
    with pytest.warns(UserWarning, match=r"round-01\.losses\.npy\.gz is not used"):
        assert Store(tmp_path).losses_of(stored(tmp_path)) is None


def bomb(shape):
    """A packed file of zeros, thousands of times as large as it says."""
    return gzip.compress(np.zeros(shape, "<f4").tobytes() * 1000)


@pytest.mark.parametrize(
    "change",
    [
        lambda said, content: (said | {"images": 49}, content),
        lambda said, content: (said | {"images": 2**40}, content),
        lambda said, content: (said | {"tasks": ["a"], "weights": [1.0]}, content),
        lambda said, content: (said, bomb((50, 2))),
        lambda said, content: (said, gzip.decompress(content)),
        lambda said, content: (said, gzip.compress(gzip.decompress(content).replace(b"'<f4'", b"'<i4'"))),
        lambda said, content: (said, b""),
        lambda said, content: (said | {"tasks": ["b", "a"]}, content),
        lambda said, content: (said, as_file(of(np.ones((50, 2))))[0]),
        lambda said, content: (said, as_file(of(np.full((50, 2), np.inf)))[0]),
    ],
)
def test_what_no_run_wrote_is_refused_though_its_digests_fit(tmp_path, file, change):
    content = json.loads(file.read_bytes())
    said, numbers = change(content["image_losses"], beside(file).read_bytes())
    beside(file).write_bytes(numbers)
    content |= {"image_losses": said | {"sha256": hashlib.sha256(numbers).hexdigest()}}
    del content["sha256"]
    file.write_bytes(to_json(content | {"sha256": digest_of(content)}))
    with pytest.warns(UserWarning, match="is not used"):
        assert Store(tmp_path).losses_of(stored(tmp_path)) is None


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"sha256": "0"},
        {"sha256": "0", "ids": "0", "images": 0, "tasks": ["a"], "weights": [1.0]},
        {"sha256": "0", "ids": "0", "images": 5, "tasks": ["a", "a"], "weights": [1.0, 1.0]},
        {"sha256": "0", "ids": "0", "images": 5, "tasks": ["a"], "weights": [1.0, 1.0]},
        {"sha256": "0", "ids": "0", "images": 5, "tasks": ["a"], "weights": [-1.0]},
    ],
)
def test_a_round_that_says_what_no_run_says_is_none(tmp_path, file, said):
    content = json.loads(file.read_bytes()) | {"image_losses": said}
    del content["sha256"]
    file.write_bytes(to_json(content | {"sha256": digest_of(content)}))
    with pytest.warns(UserWarning, match="its image_losses is not what a run writes"):
        assert stored(tmp_path) is None


def test_the_numbers_are_there_before_the_round_that_says_so(tmp_path, monkeypatch, done, losses):
    from benchmark.records import round_store

    written, plain = [], round_store.write_atomically
    monkeypatch.setattr(
        round_store,
        "write_atomically",
        lambda path, content: written.append(path.name) or plain(path, content),
    )
    Store(tmp_path).write(done, losses)
    assert written == ["round-01.losses.npy.gz", "round-01.json"]


def test_they_are_laid_aside_together(tmp_path, file):
    Store(tmp_path).lay_aside("rooms", "entropy", 0, 1)
    assert sorted(path.name for path in (file.parent / "earlier").iterdir()) == [
        "round-01.json",
        "round-01.losses.npy.gz",
    ]


def test_an_archive_holds_them_unless_it_is_to_hold_nothing_of_single_images(tmp_path, done, losses):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "experiment.yaml").write_text("dataset: rooms\n")
    (folder / "environment.json").write_text(json.dumps({"data": {"pool": 9, "val": 50, "digest": "0"}}))
    Store(folder).write(replace(done, metrics=done.metrics | {"total": {"loss": 1.0}}), losses)
    Store(folder).write_results()
    pack(folder, tmp_path / "whole.zip")
    pack(folder, tmp_path / "small.zip", scores=False)
    with unpacked(tmp_path / "whole.zip") as whole:
        (there,) = Store(whole).rounds()
        assert Store(whole).losses_of(there).ids == losses.ids
    with unpacked(tmp_path / "small.zip") as small:
        (there,) = Store(small).rounds()
        assert there.image_losses is None
        assert not list(small.rglob("*.gz"))
