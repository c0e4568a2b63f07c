"""The selection interface: all that a strategy sees, says and is.

A strategy has two halves, because the dense predictions of a whole pool do not fit in memory:
``measure`` turns one batch of network outputs, on the device, into a few numbers per image; ``select``
chooses images from those rows, once per round. Neither ever sees a label, test data or the network; only a
reference, which is never ranked, is told more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # torch takes seconds to import, and listing strategies needs none of it
    from torch import Generator, Tensor

Kind = Literal["categorical", "binary", "scalar", "direction"]
#: What a reference may be told of the pool's images: their groups, the classes in their labels, and how much
#: a network would lose that was trained on some of them.
Fact = Literal["groups", "classes", "usefulness"]
Positions = NDArray[np.int64]
Scores = NDArray[np.float64]
#: Which labels there are: images x tasks.
Labels = NDArray[np.bool_]


@dataclass(frozen=True)
class TaskSpec:
    """What a strategy may know of a task: its name, kind, number of channels and training loss."""

    name: str
    kind: Kind
    channels: int
    #: ``loss(prediction, target) -> B``: the task's own training loss of a prediction (B x C x H x W)
    #: against a *prediction* of the same shape taken as the fixed target.
    loss: Callable[[Tensor, Tensor], Tensor] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Outputs:
    """Network outputs for one batch of B images, on the device, without gradient and without labels.

    ``initial[t]`` and ``refined[t]`` are logits (B x C x h x w and B x C x H x W); ``task_features[t]`` is
    the map before the initial prediction; ``backbone_features`` holds one map per stage, fine to coarse.
    """

    tasks: tuple[TaskSpec, ...]
    initial: Mapping[str, Tensor]
    refined: Mapping[str, Tensor]
    task_features: Mapping[str, Tensor]
    backbone_features: tuple[Tensor, ...]
    #: Initial predictions at coarser scales, fine to coarse, of networks that have them (MTI-Net).
    coarser_initial: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict)
    #: What the strategy's own companion said of this batch.
    companion: Mapping[str, Tensor] = field(default_factory=dict)
    #: The outputs under each declared view, mapped back onto the untouched image. A view is computed each
    #: time it is read and not kept: read each once, and let go of one before the next is read.
    views: Mapping[str, Outputs] = field(default_factory=dict)
    #: The refined prediction's validation loss against the labels (B x T; NaN where an image has no label for
    #: a task), given to strategies with ``reference = True`` and to no other.
    true_losses: Tensor | None = None
    #: Ids of the B images, those of ``Pool.ids``; empty while a companion is trained.
    ids: tuple[str, ...] = ()
    #: A random stream for each of the B images, by data set, seed, round, image and view: what is drawn of an
    #: image is the same again, whatever the batches, and the only randomness that ``measure`` may use.
    rngs: tuple[np.random.Generator, ...] = ()
    #: Maps of the frozen, pre-trained trunk, fine to coarse: the same in every round. Strategies with
    #: ``frozen_trunk = True`` are given them. Behind it the network may train, as the pyramid of a plain
    #: transformer, so that these need not be ``backbone_features``.
    trunk_features: tuple[Tensor, ...] = ()

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Outputs:
        """The same with every tensor of the network changed; companion, views and losses stay."""

        def each(maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {task: change(tensor) for task, tensor in maps.items()}

        return replace(
            self,
            initial=each(self.initial),
            refined=each(self.refined),
            task_features=each(self.task_features),
            backbone_features=tuple(map(change, self.backbone_features)),
            coarser_initial={task: tuple(map(change, maps)) for task, maps in self.coarser_initial.items()},
            trunk_features=tuple(map(change, self.trunk_features)),
        )

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """Names of the tasks of these kinds, in task order."""
        return tuple(task.name for task in self.tasks if task.kind in kinds)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the tasks that predict one of several classes per pixel."""
        return self.of_kind("categorical")


class Judged(NamedTuple):
    """What was found of some images: the total loss after training on them too, and what finding it took."""

    loss: float
    processor_seconds: float


class Judge(Protocol):
    """Trains on what is labelled and some more images of the pool, with their labels, and measures the loss.

    It is the multi-task loss on images that are in no strategy's pool and are not evaluated on. Every
    question of a round begins with the same weights and streams, which no other training has: answers differ
    by the images alone, and the same question has the same answer.
    """

    def __call__(self, chosen: Positions, length: float) -> Judged:
        """Of the unlabelled images at these positions; ``length`` is a share of the recipe's iterations."""


@dataclass(frozen=True)
class Known:
    """What a reference is told of the pool's N images, as its ``knows`` says; empty for every other strategy.

    ``groups`` (N) are whole numbers from 0 on, one number for the images of one group, such as the frames of
    a video; ``classes[t]`` the shares of an image's labelled pixels that each class of a categorical task has
    (N x C; NaN for an image without a label); ``judge``, of "usefulness", says how good some images would be.
    """

    groups: Positions | None = None
    classes: Mapping[str, Scores] = field(default_factory=dict)
    judge: Judge | None = None

    def at(self, order: Positions) -> Known:
        """The same of the images at these positions."""
        groups = None if self.groups is None else self.groups[order]
        judge = None if self.judge is None else _judging(self.judge, order)
        return Known(groups, {task: shares[order] for task, shares in self.classes.items()}, judge)


def _judging(judge: Judge, order: Positions) -> Judge:
    """The judge, asked by places in ``order``."""
    return lambda chosen, length: judge(order[chosen], length)


@dataclass(frozen=True)
class Pool:
    """The N images to choose from, sorted by id, and what ``measure`` said of each.

    ``labelled`` images have the labels of all tasks, and ``unlabelled`` ones lack some: of images that are
    bought whole, all. ``bought`` says which label is there. ``rows[name]`` is an array of N rows, labelled
    images included; ``costs`` the price of every label (N x T), where all labels of an image are 1 on
    average. ``budget`` is what may be spent in this round, and ``budget_left`` in this one and all later
    ones, in the same unit: images, where all cost the same.
    """

    tasks: tuple[TaskSpec, ...]
    ids: tuple[str, ...]
    labelled: Positions
    unlabelled: Positions
    rows: Mapping[str, NDArray[Any]]
    round: int
    budget_left: float
    costs: Scores
    rng: np.random.Generator
    known: Known = field(default_factory=Known)
    budget: float = 0.0
    #: The labels that were bought (N x T), where some images have a part of theirs.
    mask: Labels | None = None

    @property
    def bought(self) -> Labels:
        """Which image has the label of which task (N x T)."""
        if self.mask is not None:
            return self.mask
        whole = np.zeros((len(self.ids), len(self.tasks)), np.bool_)
        whole[self.labelled] = True
        return whole

    def at(self, order: Positions) -> Pool:
        """The pool of the images at these positions alone, labelled or not, in this order.

        What is chosen of it are places in ``order``. It goes on with the same random stream.
        """
        place = np.full(len(self.ids), -1)
        place[order] = np.arange(len(order))
        labelled, unlabelled = (np.sort(place[those]) for those in (self.labelled, self.unlabelled))
        return replace(
            self,
            ids=tuple(self.ids[position] for position in order),
            labelled=labelled[labelled >= 0],
            unlabelled=unlabelled[unlabelled >= 0],
            rows={name: rows[order] for name, rows in self.rows.items()},
            costs=self.costs[order],
            known=self.known.at(order),
            mask=None if self.mask is None else self.mask[order],
        )


@dataclass(frozen=True)
class Selection:
    """The images to label next: ``budget`` unique unlabelled positions, in order of choice.

    ``scores`` (N x T, higher is more informative, columns in task order) drive the loss weights and are kept
    for the figures. ``tasks`` (one row an image, T columns) are the labels to buy of each by a strategy that
    is ``partial``, which chooses as many images as it likes: at least one of each, none that is there, and
    together for ``Pool.budget`` or less. Left out, all that the images lack are bought. ``notes`` are finite
    numbers by name, kept with the round for people to read. ``probabilities`` (budget, over 0 and at most 1),
    of a choice of whole images that is drawn image by image, are those of each image among all that were
    unlabelled still, given the images drawn before it.
    """

    indices: Positions
    scores: Scores | None = None
    tasks: Labels | None = None
    notes: Mapping[str, float] = field(default_factory=dict)
    probabilities: Scores | None = None


@dataclass(frozen=True)
class Draws:
    """How likely L images were to be bought when they were, one after the other.

    ``probabilities`` (L) as in ``Selection``; ``left`` (L) how many images of the pool were unlabelled just
    before, that one included; ``unlabelled`` how many are now.
    """

    probabilities: Scores
    left: Positions
    unlabelled: int


@dataclass(frozen=True)
class Shapes:
    """Channels of what a companion reads: one map per task, one map per backbone stage."""

    tasks: tuple[TaskSpec, ...]
    task_features: Mapping[str, int]
    backbone_features: tuple[int, ...]


class Companion(Protocol):
    """A ``torch.nn.Module`` trained beside the network on detached features, with its own optimiser."""

    def __call__(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What it says of a batch; handed to ``measure`` as ``outputs.companion``."""

    def loss(self, outputs: Outputs, task_losses: Tensor, generator: Generator) -> Tensor:
        """Scalar training loss, given the network's losses and a random stream (CPU).

        The losses (B x T) are those of the refined predictions, detached, and NaN where an image has no label
        for a task.
        """


#: ``loss(task, prediction) -> B``: the task's own loss of a prediction (B x C x H x W, of the refined size)
#: against the labels of B images; NaN for an image without one.
LabelLoss = Callable[[str, "Tensor"], "Tensor"]


class LabelledCompanion(Protocol):
    """A companion that learns from labels itself: it says so by ``wants_labels = True``.

    It is told of the labels of images that the network is trained on, which are labelled, and of no others,
    and not the labels but how much a prediction of its own loses by them, while its loss is computed alone.
    """

    wants_labels: bool

    def __call__(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """What it says of a batch, of which it knows no labels."""

    def loss(
        self, outputs: Outputs, task_losses: Tensor, generator: Generator, label_loss: LabelLoss
    ) -> Tensor:
        """Scalar training loss, as of any companion."""


class Strategy:
    """One way to choose images. Subclass it, or register a function that returns scores.

    ``views`` names what ``measure`` wants in ``outputs.views``: "flip" is the mirrored image, "dropout-1",
    "dropout-2", ... are passes that drop channels of the backbone's features, other ones for every image and
    pass. ``reference`` marks one that is given what others are not, such as labels, and is never ranked;
    ``knows`` what a reference is told in ``pool.known``. ``required`` names parameters that have to be set,
    for no default is right: ``check`` refuses a strategy without them. ``judgements`` are the lengths, in
    shares of the recipe's iterations, of what one selection asks ``pool.known.judge``: the time of a run is
    estimated with these trainings too. ``frozen_trunk`` marks one that reads ``outputs.trunk_features``: it
    is refused, before anything is trained, where the backbone is trained. ``partial`` marks one that buys
    labels by themselves: it spends ``pool.budget``, and gives ``Selection.tasks``; any other one buys all
    labels of an image.
    """

    views: tuple[str, ...] = ()
    reference: bool = False
    knows: tuple[Fact, ...] = ()
    judgements: tuple[float, ...] = ()
    required: tuple[str, ...] = ()
    frozen_trunk: bool = False
    partial: bool = False

    def check(self, tasks: tuple[TaskSpec, ...]) -> None:
        """Raise ValueError for tasks that it cannot work with; asked before anything is trained."""
        del tasks

    def companion(self, shapes: Shapes) -> Companion | LabelledCompanion | None:
        """A module to train beside the network, or None."""
        del shapes
        return None

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Numbers per image: tensors with B rows. A strategy that leaves this out costs no pool pass."""
        del outputs
        return {}

    def maps(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """Where in the images it sees what it scores, by task (B x h x w), higher is more informative.

        Drawn over the first images chosen, for people to look at; no choice depends on them, and they are
        asked for those images only. ``outputs`` is what ``measure`` is given. None by default.
        """
        del outputs
        return {}

    def select(self, pool: Pool, budget: int) -> Selection:
        """Choose ``budget`` of ``pool.unlabelled``, or labels for ``pool.budget`` if it is ``partial``."""
        del pool, budget
        raise TypeError(f"{type(self).__name__} must define select(pool, budget)")

    def loss_weights(self, ranks: Scores) -> Scores | None:
        """Training-loss weights (L x T) of the images that it chose, or None for equal weights.

        ``ranks`` (L x T, 0..1) say how high ``Selection.scores`` put each image when it was chosen, among the
        images that were unlabelled then: 1 is the highest score for the task, and rounds can be compared; of
        a label that was not bought, it is .5, and its weight is of no use. The first random set is never
        asked about: its images weigh 1. All weights are then scaled to mean 1 per
        task over the labelled images that have a label for it.
        """
        del ranks
        return None

    def draw_weights(self, draws: Draws) -> Scores | None:
        """Training-loss weights (L) of the images that it drew, or None for equal weights.

        It is asked of the images whose ``Selection.probabilities`` it gave; all others weigh 1, as those of
        the first set, which is drawn uniformly. They multiply those of ``loss_weights``, and are the same for
        all tasks.
        """
        del draws
        return None

    def state_dict(self) -> dict[str, Any]:
        """What the strategy remembers from round to round, as plain JSON values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what ``state_dict`` gave in the round before."""
        del state
