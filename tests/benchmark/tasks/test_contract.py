"""Every built-in task keeps the contract, and each clause refuses a task that breaks it, in a sentence."""

import pytest
from changed_plugins import changed

from benchmark.plugins import TASKS
from benchmark.tasks.contract import CLAUSES, Probe

BY_NAME = {clause.__name__: clause for clause in CLAUSES}


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
@pytest.mark.parametrize("name", [name for name, entry in TASKS.entries.items() if entry.built_in])
def test_every_built_in_task_keeps_it(name, clause):
    clause(Probe(TASKS.resolve(name)))


@pytest.fixture
def probe(tmp_path):
    """The task of a file, as it is or with one part of it changed."""

    return lambda *change: Probe(TASKS.resolve(f"{changed(tmp_path, *change)}:relative_depth"))


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_a_task_of_ones_own_keeps_it(probe, clause):
    clause(probe())


LOSS = "return 1.0 * super().loss(prediction, label) / (1 + self.options.power)"
MORE = "    def meter(self):\n        return ErrorMeter()"
BROKEN = [
    ("is_what_it_says", MORE, "    kind = 'sclar'\n\n" + MORE, "kind is 'sclar', and should be one of categ"),
    (
        "is_what_it_says",
        MORE,
        "    def changed(self, weight, options):\n        return self\n\n" + MORE,
        "changed\\(weight, options\\) gives another task",
    ),
    (
        "is_what_it_says",
        MORE,
        "    def __init__(self, name, classes=(), weight=None, **options):\n"
        "        super().__init__('mine', classes, weight, **options)\n\n" + MORE,
        "does not keep the name",
    ),
    (
        "loses_one_number_per_image",
        LOSS,
        "return super().loss(prediction, label).mean()",
        r"the loss of 4 images is of shape \(\)",
    ),
    (
        "loses_one_number_per_image",
        LOSS,
        "return super().loss(prediction, label) * float('inf')",
        "is not finite",
    ),
    (
        "loses_nothing_without_a_label",
        LOSS,
        "return (prediction[:, 0] - label.nan_to_num(0.0)).abs().mean((1, 2))",
        "an image without a label has a loss",
    ),
    (
        "loses_nothing_without_a_label",
        LOSS,
        LOSS + " + prediction.mean((1, 2, 3)) - prediction.mean((1, 2, 3)).detach()",
        "an image without a label has a gradient",
    ),
    (
        "loses_nothing_without_a_label",
        MORE,
        "    def valid(self, label):\n        return label.nan_to_num() > -1\n\n" + MORE,
        "an image without a label has a loss",
    ),
    (
        "loses_without_regard_to_the_batch",
        LOSS,
        "loss = super().loss(prediction, label)\n        return loss / loss.detach().sum()",
        "changes with its batch: average over each image's own pixels",
    ),
    ("teaches_the_prediction", LOSS, "return super().loss(prediction.detach(), label)", "has no gradient"),
    (
        "teaches_the_prediction",
        LOSS,
        "return super().loss(0 * prediction, label)",
        "no gradient reaches the prediction",
    ),
    (
        "leaves_what_it_is_given_alone",
        LOSS,
        "label.nan_to_num_(0.0)\n        " + LOSS,
        "changed predictions or labels in place",
    ),
    (
        "says_which_way_its_metrics_are_better",
        '{**Scalar.better, "mean_error": "lower"}',
        "Scalar.better",
        'which way \'mean_error\' is better: say better = {"mean_error": "lower"} or higher',
    ),
    (
        "says_which_way_its_metrics_are_better",
        '"mean_error": "lower"}',
        '"mean_error": "lower", "rmse": "higher"}',
        "better says higher of 'rmse', which is lower in the built-in tasks",
    ),
    (
        "says_which_way_its_metrics_are_better",
        'return "mean_error"',
        'return "mean_eror"',
        "the headline 'mean_eror' is none of rmse, abs_rel, mean_error",
    ),
    (
        "measures_what_its_loss_learns",
        '"mean_error": "lower"}',
        '"mean_error": "higher"}',
        "mean_error, of which higher is better, is .* for predictions learnt from the labels",
    ),
    ("measures_what_its_loss_learns", LOSS, LOSS.replace("super", "-super"), "is better, is"),
    (
        "adds_up_batches",
        "self.pixels += int",
        "self.pixels = int",
        "mean_error is .* for all images at once, and .* in batches of 1",
    ),
    (
        "measures_labelled_images_alone",
        "self.pixels += int(valid.sum())",
        "self.pixels += valid.numel()",
        "mean_error is .* with two unlabelled images more",
    ),
    (
        "measures_labelled_images_alone",
        'if self.pixels else float("nan")',
        "if self.pixels else 0.0",
        "mean_error is 0, not NaN, where no image has a label",
    ),
    (
        "has_the_best_constant",
        MORE,
        "    def constant(self, summaries):\n        return summaries.flatten()[:1] * 0\n\n" + MORE,
        "another prediction the same everywhere has less",
    ),
    (
        "has_the_best_constant",
        MORE,
        "    def constant(self, summaries):\n        return summaries.mean()\n\n" + MORE,
        "constant is of shape",
    ),
    (
        "turns_predictions_into_labels",
        MORE,
        "    def as_label(self, prediction):\n        return prediction\n\n" + MORE,
        "as_label gives torch.float32 of shape",
    ),
    (
        "turns_predictions_into_labels",
        MORE,
        "    def colour(self, label):\n        return label\n\n" + MORE,
        "colour gives float32",
    ),
    (
        "follows_the_image",
        MORE,
        "    def zoomed(self, label, factor):\n        return label + 1\n\n" + MORE,
        "zoomed changes a label whose image was not",
    ),
    (
        "follows_the_image",
        MORE,
        "    def unmirrored_prediction(self, prediction):\n        return -prediction.flip(-1) + 1\n\n"
        + MORE,
        "twice is not the prediction itself",
    ),
]


@pytest.mark.parametrize(("clause", "old", "new", "words"), BROKEN)
def test_a_broken_task_is_refused_by_the_clause(probe, clause, old, new, words):
    with pytest.raises(AssertionError, match=words):
        BY_NAME[clause](probe(old, new))


def test_every_clause_has_a_task_that_breaks_it():
    assert {clause for clause, *_ in BROKEN} == BY_NAME.keys()
