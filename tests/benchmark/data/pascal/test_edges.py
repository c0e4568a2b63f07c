"""Edges of PASCAL-Context: where classes meet, kept outside the data, and mended there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pascal_copies import (
    SIZES,
    TRAIN,
    opened,
    save,
)
from scipy.io import savemat

from benchmark.data.cache_folder import cache_folder
from benchmark.data.pascal import dataset as pascal
from benchmark.data.pascal.edges import EdgeCache, label_edges


def test_edges_lie_where_classes_meet() -> None:
    label_map = np.zeros((9, 9), np.int32)
    label_map[:, 5:] = 7
    edges = label_edges(label_map)
    assert not edges[:, [0, 1, 2, 3, 6, 7, 8]].any()
    # One pixel wide and without gaps; thinning may eat the ends.
    np.testing.assert_array_equal(edges[1:-1, 4:6].sum(1), np.ones(7))
    assert not label_edges(np.full((6, 6), 3, np.int32)).any()


def test_edges_are_kept_outside_the_data_and_mended(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(copy.rglob("*"))
    first = opened(copy).train[0].labels["edge"]
    assert sorted(copy.rglob("*")) == before
    kept = sorted(cache_folder().rglob("*.png"))
    assert len(kept) == 3
    for path in kept:
        path.write_bytes(path.read_bytes()[:40])
    np.testing.assert_array_equal(opened(copy).train[0].labels["edge"], first)
    for path in kept:
        save(path, np.zeros((3, 3), np.uint8))
    np.testing.assert_array_equal(opened(copy).train[0].labels["edge"], first)
    monkeypatch.setattr("benchmark.data.pascal.edges.label_edges", lambda _: pytest.fail("computed again"))
    np.testing.assert_array_equal(opened(copy).train[0].labels["edge"], first)


def test_a_changed_annotation_gets_its_own_edges(copy: Path) -> None:
    dataset = opened(copy)
    label_map = np.full(SIZES[TRAIN[0]], 5, np.uint16)
    savemat(copy / "pascal-context" / "trainval" / f"{TRAIN[0]}.mat", {"LabelMap": label_map})
    changed = opened(copy)
    assert changed.digest != dataset.digest
    assert not (changed.train[0].labels["edge"] == 1).any()


def test_a_cache_that_cannot_be_written_only_costs_time(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "file").write_text("")
    monkeypatch.setenv("MTAL_CACHE", str(copy / "file"))
    assert (opened(copy).train[0].labels["edge"] == 1).any()


def test_many_edges_are_computed_at_once_and_said(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pascal, "MANY", 3)
    opened(copy)
    assert "Computing 3 edge maps" in capsys.readouterr().err
    opened(copy)
    assert "edge maps" not in capsys.readouterr().err


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("MTAL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "mtal"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "mtal"
    assert not EdgeCache(cache_folder()).has(b"")
