"""Query by committee: heads that were taught by the same labels, and disagree where these say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from strategies import LabelledCompanion, Outputs, ScoreStrategy, Shapes, register

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "committee",
    source="Seung, Opper & Sompolinsky, COLT 1992; Osband, Aslanides & Cassirer, NeurIPS 2018 (priors)",
)
class QueryByCommittee(ScoreStrategy):
    """Disagreement of a committee of heads on every task's features, mean over pixels.

    The heads are trained beside the network, on its detached features, with the labels of the images that it
    is trained on. Disagreement is the mutual information of prediction and member for classes (BALD: Houlsby
    et al. 2011), the variance for depth, and 1 - squared length of the mean unit vector for normals: what
    ``mc-dropout`` has of its passes.
    A head is two 1 x 1 convolutions, and its prediction the sum of what it learns and of what a like one of
    random weights says that never changes (randomized priors): where labels say nothing, the priors remain,
    and differ. Each member learns from an image of a batch or not, at even chances.
    Deviations: a committee of the first source is drawn from all hypotheses that fit the labels, each trained
    by itself; these share the network below them. A bootstrap would leave out the same images for all of a
    training; here each batch is drawn anew, for images have no names there, so that priors and first weights
    make most of the disagreement. Predictions are those of the resolution of the features.
    members: number of heads, at least 2. Each takes about the time and memory of the network's own losses.
    hidden: width of a head between its layers.
    prior: how much of the prediction the priors are; 0 is none.
    """

    def __init__(self, members: int = 5, hidden: int = 32, prior: float = 1.0) -> None:
        if members < 2:
            raise ValueError("committee: members must be at least 2, for one agrees with itself")
        if hidden < 1 or prior < 0:
            raise ValueError("committee: hidden must be at least 1 and prior 0 or more")
        self.members, self.hidden, self.prior = members, hidden, prior

    def companion(self, shapes: Shapes) -> LabelledCompanion:
        """The heads."""
        from baselines._committee import Committee

        return Committee(shapes, self.members, self.hidden, self.prior)

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """The disagreement on every task (B each)."""
        return outputs.companion
