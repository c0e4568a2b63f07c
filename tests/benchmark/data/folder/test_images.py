"""A user's own images of any size, depth of bits and orientation; how many of them, and how large."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmark.data.feed import Feed
from benchmark.errors import UserError
from benchmark.experiment.catalogue import open_dataset

HEIGHT, WIDTH = 12, 16
TASKS = {
    "semseg": {"folder": "{split}/semseg", "classes": ["wall", "floor"]},
    "edge": {"folder": "{split}/edge"},
}


def noise(seed: int, top: int, *shape: int, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, top, shape, dtype=dtype)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six images of train and two of val, of equal size."""
    for split, count in (("train", 6), ("val", 2)):
        for number in range(count):
            save(tmp_path, split, "image", number, noise(number, 256, HEIGHT, WIDTH, 3))
            for task in TASKS:
                save(tmp_path, split, task, number, noise(number, 2, HEIGHT, WIDTH))
    return tmp_path


def save(root: Path, split: str, what: str, number: int, values: np.ndarray[Any, Any], turn: int = 1) -> Path:
    path = root / split / what / f"{split}-{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    exif = image.getexif()
    if turn != 1:
        exif[0x0112] = turn
    image.save(path, exif=exif)
    return path


def opened(root: Path, options: dict[str, Any] | None = None, **fields: Any) -> Any:
    described = {"name": "mine", "image": {"folder": "{split}/image"}, "tasks": TASKS} | fields
    (root / "data.yaml").write_text(yaml.safe_dump(described))
    return open_dataset(str(root / "data.yaml"), options or {})


def error(root: Path, options: dict[str, Any] | None = None, **fields: Any) -> str:
    with pytest.raises(UserError) as caught:
        opened(root, options, **fields)
    return str(caught.value)


def test_a_part_of_the_images_and_their_size_can_be_asked_for(root: Path) -> None:
    everything = opened(root)
    part = opened(root, {"pool": 3, "val": 1, "height": 8, "width": 10})
    assert part.train.ids == tuple(everything.train.ids[i] for i in (0, 2, 5))
    assert len(part.val.ids) == 1
    assert part.train[0].image.shape == (8, 10, 3)
    assert part.facts["images"] == {"train": 3, "val": 1}
    assert part.digest == opened(root, {"pool": 3, "val": 1, "size": [8, 10]}).digest
    assert part.digest not in (everything.digest, opened(root, {"pool": 3, "val": 1}).digest)


def test_options_that_are_none_are_named(root: Path) -> None:
    assert "there is no field hight; did you mean height?" in error(root, {"hight": 8})
    assert "a canvas has a size; give height and width" in error(root, {"fit": "canvas"})


def test_edges_keep_every_pixel_and_classes_the_nearest(root: Path) -> None:
    edge = np.zeros((HEIGHT, WIDTH), np.uint8)
    edge[0, 0] = 1
    save(root, "train", "edge", 0, edge)
    labels = opened(root, size=[8, 8]).train[0].labels
    assert labels["edge"][0, 0] == 1
    assert labels["edge"].sum() == 1
    nearest = {**TASKS, "edge": {**TASKS["edge"], "shrink": "nearest"}}
    assert not opened(root, size=[8, 8], tasks=nearest).train[0].labels["edge"].any()


def test_own_thin_structures_and_classes_by_area(root: Path) -> None:
    line = np.zeros((HEIGHT, WIDTH), np.uint8)
    line[:, 4] = 1  # the nearest pixels are those of odd columns
    for split, count in (("train", 6), ("val", 2)):
        for number in range(count):
            save(root, split, "lanes", number, line)
    lanes = {"folder": "{split}/lanes", "kind": "binary", "shrink": "any"}
    semseg = {**TASKS["semseg"], "shrink": "majority"}
    labels = opened(root, size=[8, 8], tasks={"lanes": lanes, "semseg": semseg}).train[0].labels
    assert np.flatnonzero(labels["lanes"].all(0)).tolist() == [2]
    assert set(np.unique(labels["semseg"])) <= {0, 1}
    assert "any is for yes and no" in error(root, tasks={"semseg": {**semseg, "shrink": "any"}})


def test_labels_of_the_size_asked_for_are_taken_as_they_are(root: Path) -> None:
    edge = noise(9, 2, 8, 10)
    save(root, "train", "edge", 0, edge)
    np.testing.assert_array_equal(opened(root, size=[8, 10]).train[0].labels["edge"], edge)
    assert "is 8 high, 10 wide, and its image is 12 high, 16 wide" in error(root)


def test_labels_of_the_size_that_the_file_says_are_brought_to_the_one_asked_for(root: Path) -> None:
    """Published at the file's own size, which every preset replaces by another."""
    semseg = noise(9, 2, 8, 10)
    save(root, "train", "semseg", 0, semseg)
    asked = opened(root, {"height": 24, "width": 20}, size=[8, 10])
    labels = asked.train.split[0].labels
    np.testing.assert_array_equal(labels["semseg"], semseg.repeat(3, 0).repeat(2, 1))
    sent = pickle.loads(pickle.dumps(asked.train.split))[0].labels
    np.testing.assert_array_equal(sent["semseg"], labels["semseg"])
    save(root, "train", "edge", 1, noise(9, 2, 16, 20))
    assert "is 16 high, 20 wide" in error(root, {"size": [24, 20]}, size=[8, 10])
    assert "is 8 high, 10 wide, and its image is 12 high" in error(root, {"size": [24, 20]})


def test_thin_labels_of_the_file_s_size_keep_every_pixel(root: Path) -> None:
    edge = np.zeros((16, 16), np.uint8)
    edge[0, 0] = 1  # no centre of a pixel of 8 x 8 lies in it
    save(root, "train", "edge", 0, edge)
    labels = opened(root, {"size": [8, 8]}, size=[16, 16]).train[0].labels
    assert np.argwhere(labels["edge"]).tolist() == [[0, 0]]


def test_on_a_canvas_labels_of_the_file_s_size_lie_elsewhere(root: Path) -> None:
    save(root, "train", "edge", 0, noise(9, 2, 8, 8))
    for fit, other in (("canvas", "canvas"), ("canvas", "stretch"), ("stretch", "canvas")):
        message = error(root, {"size": [10, 10], "fit": other}, size=[8, 8], fit=fit)
        assert "is 8 high, 8 wide, and its image is 12 high" in message


def test_the_file_s_own_size_is_in_no_digest_where_another_is_asked_for(root: Path) -> None:
    digests = {opened(root, {"size": [8, 8]}, **fields).digest for fields in ({}, {"size": [16, 16]})}
    assert len(digests) == 1
    assert "_own_size" in error(root, _own_size=[8, 8])


def test_images_of_two_orientations_fit_on_a_canvas(root: Path) -> None:
    tall = noise(7, 256, WIDTH, HEIGHT, 3)
    save(root, "train", "image", 0, tall)
    for task in TASKS:
        save(root, "train", task, 0, noise(7, 2, WIDTH, HEIGHT))
    assert "with fit: canvas undistorted" in error(root)
    sample = opened(root, size=[16, 16], fit="canvas").train[0]
    np.testing.assert_array_equal(sample.image[:, :HEIGHT], tall)
    assert (sample.labels["semseg"][:, HEIGHT:] == 255).all()
    assert (sample.labels["semseg"][:, :HEIGHT] < 2).all()
    by_option = opened(root, {"size": [16, 16], "fit": "canvas"})
    assert by_option.digest == opened(root, size=[16, 16], fit="canvas").digest


def test_a_label_of_the_canvas_s_size_is_taken_as_it_is_and_one_of_the_image_s_shrinks(root: Path) -> None:
    edge, semseg = noise(9, 2, 8, 8), np.repeat(np.eye(HEIGHT // 2, WIDTH // 2, dtype=np.uint8), 2, 0)
    save(root, "train", "edge", 0, edge)
    save(root, "train", "semseg", 0, np.repeat(semseg, 2, 1))
    labels = opened(root, size=[8, 8], fit="canvas").train[0].labels
    np.testing.assert_array_equal(labels["edge"], edge)
    np.testing.assert_array_equal(labels["semseg"][:6], np.eye(6, 8))
    assert (labels["semseg"][6:] == 255).all()


def test_deep_images_that_use_few_bits_are_named(root: Path) -> None:
    deep = noise(3, 4096, HEIGHT, WIDTH, dtype=np.uint16)
    deep[0, 0] = 4000
    save(root, "train", "image", 0, deep)
    image = {"folder": "{split}/image"}
    message = error(root)
    assert "No pixel of 1 image of 16 bits is over 4" in message
    assert "write image.bits: 12" in message
    expected = np.round(deep / 4095 * 255).astype(np.uint8)
    twelve = opened(root, image={**image, "bits": 12})
    np.testing.assert_array_equal(twelve.train[0].image[..., 1], expected)
    assert opened(root, image={**image, "bits": 16}).train[0].image.max() == round(4000 / 257)
    assert "numbers of 10 bits end at 1023" in error(root, image={**image, "bits": 10})


def test_orientations_are_refused_counted_applied_and_ignored(root: Path) -> None:
    upright = noise(5, 256, WIDTH, HEIGHT, 3)
    path = save(root, "train", "image", 0, np.rot90(upright).copy(), turn=6)
    save(root, "train", "semseg", 0, noise(5, 2, WIDTH, HEIGHT))
    save(root, "train", "edge", 0, noise(5, 2, WIDTH, HEIGHT))
    image, size = {"folder": "{split}/image"}, {"size": [16, 16]}
    message = error(root, **size)
    assert f"{str(path)!r} has EXIF orientation 6" in message
    assert "image.exif: apply" in message
    applied = opened(root, image={**image, "exif": "apply"}, size=[16, 12])
    np.testing.assert_array_equal(applied.train[0].image, upright)
    assert applied.facts["EXIF orientation"] == "applied in 1 image"
    # Labels that fit what viewers show do not fit what is stored.
    assert "and its image is 12 high, 16 wide" in error(root, image={**image, "exif": "ignore"}, **size)


def test_labels_are_turned_with_their_images(root: Path) -> None:
    label = noise(5, 2, HEIGHT, WIDTH)
    for what, values in (("image", noise(5, 256, HEIGHT, WIDTH, 3)), ("semseg", label), ("edge", label)):
        save(root, "train", what, 0, values, turn=3)
    image = {"folder": "{split}/image"}
    applied = opened(root, image={**image, "exif": "apply"})
    np.testing.assert_array_equal(applied.train[0].labels["semseg"], label[::-1, ::-1])
    ignored = opened(root, image={**image, "exif": "ignore"})
    np.testing.assert_array_equal(ignored.train[0].labels["semseg"], label)
    assert ignored.facts["EXIF orientation"] == "ignored in 1 image"


def test_what_was_decoded_when_it_was_checked_is_not_decoded_again(root: Path) -> None:
    import torch

    dataset = opened(root)
    expected = [dataset.train.split[position].image for position in range(6)]
    for path in (root / "train" / "image").iterdir():
        path.unlink()
    feed = Feed(dataset.train, dataset.tasks, torch.device("cpu"))
    for position, image in enumerate(expected):
        row = feed.images(np.array([position]))[0].permute(1, 2, 0)
        np.testing.assert_allclose(row, image / np.float32(255), rtol=1e-6)
    with pytest.raises(UserError, match="cannot be read"):  # taken once, and let go
        dataset.train[0]
