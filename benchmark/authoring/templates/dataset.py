"""A data set to begin with, and its test."""

DATASET = '''"""{name}: say in a sentence what the images show, and where they come from."""

import hashlib
from pathlib import Path

import numpy as np

from benchmark.data.dataset import Sample
from benchmark.plugins import register_dataset
from benchmark.tasks import make_task


@register_dataset("{name}", source="author & author, venue year", family="folder")
class {title}:
    """Discs in front of a wall, drawn when they are asked for: replace them by your own images.

    count: options are parameters with a default, set by data: {{count: 100}} or --set data.count=100.
    """

    def __init__(self, folder: Path | None, count: int = 40, noise: float = 0.05) -> None:
        # The folder is what --data-root or MTAL_DATA says, or None. Raise benchmark.errors.UserError with a
        # sentence where data are wanted that are not there.
        self.tasks = (make_task("semseg", classes=("wall", "disc")), make_task("depth"))
        self.train = Discs("train", count, noise)
        self.val = Discs("val", 10, noise)
        # Of all that images and labels follow from: of files, their bytes. Options and code count anyway.
        self.digest = hashlib.sha256(b"discs, version 1").hexdigest()


class Discs:
    """A split: unique ids, and a sample for each of their places."""

    def __init__(self, part: str, count: int, noise: float) -> None:
        self.part, self.noise = part, noise
        self.ids = tuple(f"{{part}}-{{number:04d}}" for number in range(count))

    def __getitem__(self, position: int) -> Sample:
        """The same each time, and in any order: several threads and processes ask at once.

        A label is uint8 of classes or of 0 and 1 (255: ignored), float32 numbers (NaN) or unit vectors (0, 0,
        0). A task without a label is left out of the mapping.
        """
        rng = np.random.default_rng([position, self.part == "val"])
        rows, columns = np.mgrid[:64, :64] / 64
        row, column, size = rng.uniform(0.2, 0.8, 3)
        disc = (rows - row) ** 2 + (columns - column) ** 2 < (0.3 * size) ** 2
        depth = np.where(disc, 1 + row, 4 + columns).astype(np.float32)
        grey = np.where(disc, 0.8, 0.2) / depth + rng.normal(0, self.noise, (64, 64))
        image = (255 * np.repeat(grey[..., None], 3, 2)).clip(0, 255).astype(np.uint8)
        return Sample(image, {{"semseg": disc.astype(np.uint8), "depth": depth}})
'''
DATASET_TEST = '''"""{name} keeps the contract that every data set keeps. Run: pytest {test}"""

from pathlib import Path

import pytest

from benchmark.data.custom.contract import CLAUSES, Probe
from benchmark.plugins import DATASETS

FILE = Path(__file__).with_name("{file}")


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_keeps_the_contract(clause):
    clause(Probe(DATASETS.resolve(f"{{FILE}}:{name}")))
'''
