"""Images without a label for a task are as if they were not there: no loss, no gradient, no metric."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.tasks import BUILT_IN, make_task

B, H, W, CLASSES = 5, 12, 14, ("background", "head", "torso")
CASES = [
    *((name, {}) for name in BUILT_IN),
    ("normals", {"divisor": "pixels"}),
    ("saliency", {"balance": "image"}),
    ("edge", {"ods_f": True}),
]


def images_of(task, seed):
    """Predictions, and labels that the task itself would predict from a noisy copy: valid of every kind."""
    torch_rng = torch.Generator().manual_seed(seed)
    prediction = torch.randn(B, task.channels, H, W, generator=torch_rng)
    noise = torch.randn(B, task.channels, H, W, generator=torch_rng)
    return prediction, task.as_label(prediction + noise)


def with_blanks(task, label, unlabelled):
    blank = torch.from_numpy(task.unlabelled(H, W))
    return torch.stack([blank if gone else one for one, gone in zip(label, unlabelled, strict=True)])


def metrics_of(task, prediction, label, size=2):
    meter = task.meter()
    for p, y in zip(prediction.split(size), label.split(size), strict=True):
        meter.update(p, y)
    return dict(meter.compute())


@pytest.mark.parametrize(("name", "options"), CASES)
@given(seed=st.integers(0, 99), unlabelled=st.lists(st.booleans(), min_size=B, max_size=B))
@settings(max_examples=8)
def test_unlabelled_images_are_as_if_dropped(name, options, seed, unlabelled):
    task = make_task(name, classes=CLASSES if BUILT_IN[name].kind == "categorical" else (), **options)
    prediction, label = images_of(task, seed)
    kept = ~torch.tensor(unlabelled)
    partly = with_blanks(task, label, unlabelled)

    prediction.requires_grad_()
    losses = task.loss(prediction, partly)
    losses.sum().backward()
    assert torch.isfinite(prediction.grad).all()
    assert not losses[~kept].any()
    assert not prediction.grad[~kept].any()
    assert torch.equal(task.valid(partly).flatten(1).any(1), kept)
    torch.testing.assert_close(losses[kept], task.loss(prediction[kept], label[kept]))

    with torch.no_grad():
        got = metrics_of(task, prediction, partly)
        assert got == pytest.approx(metrics_of(task, prediction[kept], label[kept]), rel=1e-9, nan_ok=True)
    assert kept.any() or all(np.isnan(value) for value in got.values())
