"""A task to begin with, and its test."""

TASK = '''"""{name}: say in a sentence what is predicted at every pixel, and how it is measured."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from torch import Tensor

from benchmark.plugins import register_task
from benchmark.tasks.depth import Scalar, ScalarMeter
from benchmark.tasks.options import Options
from benchmark.tasks.task import Better, Meter, mean_over_pixels


class {title}Options(Options):
    """What an experiment may choose: tasks: {{{name}: {{delta: 0.5}}}}."""

    delta: float = Field(1.0, gt=0, description="differences over it count as they are, not squared")


@register_task("{name}", source="author & author, venue year")
class {title}(Scalar):
    """A number per pixel (float32, H x W, NaN where there is none), by its Huber loss: write your own.

    Derive from Semseg, Saliency, Scalar or Normals (benchmark.tasks) for classes, yes or no, numbers or
    directions; benchmark/tasks/task.py says what each method gives.
    """

    better: ClassVar[Mapping[str, Better]] = {{**Scalar.better, "mean_error": "lower"}}
    options_model = {title}Options
    options: {title}Options

    @property
    def headline(self) -> str:
        """The metric that stands for the task."""
        return "mean_error"

    def loss(self, prediction: Tensor, label: Tensor) -> Tensor:
        """One number an image, over its own valid pixels alone; 0 for an image without a label."""
        delta = self.options.delta
        difference = (prediction[:, 0] - label.nan_to_num(0.0)).abs()
        squared, straight = difference**2 / (2 * delta), difference - delta / 2
        return mean_over_pixels(squared.where(difference < delta, straight), self.valid(label))

    def meter(self) -> Meter:
        """A fresh accumulator of the metrics."""
        return {title}Meter()


class {title}Meter(ScalarMeter):
    """The metrics of numbers, and the mean absolute error over all valid pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.total, self.pixels = 0.0, 0

    def update(self, prediction: Tensor, label: Tensor) -> None:
        """Take in one batch."""
        super().update(prediction, label)
        valid = label.isfinite()
        self.total += float((prediction[:, 0] - label)[valid].double().abs().sum())
        self.pixels += int(valid.sum())

    def compute(self) -> Mapping[str, float]:
        """NaN where nothing was labelled."""
        mean = self.total / self.pixels if self.pixels else float("nan")
        return {{**super().compute(), "mean_error": mean}}
'''
TASK_TEST = '''"""{name} keeps the contract that every task keeps. Run: pytest {test}"""

from pathlib import Path

import pytest

from benchmark.plugins import TASKS
from benchmark.tasks.contract import CLAUSES, Probe

FILE = Path(__file__).with_name("{file}")


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_keeps_the_contract(clause):
    clause(Probe(TASKS.resolve(f"{{FILE}}:{name}")))
'''
