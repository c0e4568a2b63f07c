"""Core-set selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from baselines._features import Features, FeatureStrategy, patch_vectors
from strategies import Outputs, Pool, Selection, register
from strategies.kernels.diversity import distributed_k_center, k_center_greedy, k_center_of_sets
from strategies.parallel_map import parallel_map

if TYPE_CHECKING:
    from torch import Tensor


@register("core-set", source="Sener & Savarese, ICLR 2018 (the greedy k-center form)", family="diversity")
class CoreSet(FeatureStrategy):
    """Greedy k-center on features of the images, started from all labelled ones.

    Features are averaged over pixels per stage and put side by side; distances are Euclidean, and stages are
    not scaled: a wide one weighs more. Of a pre-trained trunk (tf_efficientnet_lite0, stages of 24, 40, 112
    and 320 channels, 240 images of NYUD-v2 at 120 x 160) they made .06, .08, .18 and .68 of the squared
    distance, which is their share of the channels (.05, .08, .23, .65): none dominates by its scale, the last
    leads by its width, as in the source, which takes the last layer alone. With every channel scaled to
    variance 1 the choice was the same for 83 to 85 % of 48 images.
    level: one vector an image (image), or several (patch): the k-means centres of the pixels of the coarsest
    stage, each pixel scaled to length 1. An image is then as far as the one of its vectors that is farthest
    from all vectors of labelled and chosen images, so that a small thing which nothing labelled shows is
    enough; in a mean over pixels it is lost (OFDS, arXiv 2412.10032, finds that choices by vectors of whole
    images do not always beat random for dense prediction, and those by vectors of objects do). After FreeSel
    (Xie, Ding, Tomizuka & Zhan, NeurIPS 2023), whose centres are of the pixels that a transformer attends to,
    not scaled, compared by cosine, and which as a rule draws by squared distance, where this takes the
    farthest.
    patches: vectors of an image for level=patch.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    shards: for pools that one machine should not look at whole, runs of images, in the order of their ids,
    that are looked at each by itself, on the nodes of Ray where it runs the job; what they pick is chosen
    among once more (Malkomes et al. 2015). Picks do not depend on where shards are looked at, and with one
    shard they are those of one machine. The radius with more is at most twice as large in the bound (4 times
    the smallest there is, instead of 2), and was 0 to 18 % larger (docs/performance.md).
    """

    def __init__(
        self,
        level: Literal["image", "patch"] = "image",
        patches: int = 5,
        features: Features = "backbone",
        shards: int = 1,
    ) -> None:
        if patches < 1:
            raise ValueError(f"core-set: patches must be at least 1, not {patches}")
        if shards < 1 or (shards > 1 and level == "patch"):
            raise ValueError(f"core-set: shards must be at least 1, and 1 for level=patch, not {shards}")
        super().__init__(features)
        self.level, self.patches, self.shards = level, patches, shards

    def measure(self, outputs: Outputs) -> Mapping[str, Tensor]:
        """One vector per image (B x d), or several (B x patches x d)."""
        if self.level == "image":
            return super().measure(outputs)
        return {"vector": patch_vectors(outputs, self.features, self.patches)}

    def select(self, pool: Pool, budget: int) -> Selection:
        """Always the image farthest from everything labelled or chosen."""
        vectors, known, rng = self.vectors(pool), pool.labelled, pool.rng
        if self.shards > 1:
            shards = self.shards
            chosen = distributed_k_center(vectors, budget, known, shards=shards, rng=rng, map=parallel_map)
            return Selection(chosen)
        k_center = k_center_greedy if self.level == "image" else k_center_of_sets
        return Selection(k_center(vectors, budget, labelled=known, rng=rng))
