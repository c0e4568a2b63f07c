"""Cover images softly, the nearer the better."""

from __future__ import annotations

from baselines._features import Features
from baselines._unit_features import UnitFeatureStrategy
from strategies import Pool, Selection, register
from strategies.coverage import most_covering


@register("max-herding", source="Bae, Oliveira & Sutherland, ECCV 2024", family="diversity")
class MaxHerding(UnitFeatureStrategy):
    """The image that adds most to how well all images are covered, again and again.

    An image is covered by exp(-(distance / bandwidth)^2) of the nearest labelled or chosen one. Deviation:
    features of the network's backbone, not of one trained without labels, so the bandwidth follows them; the
    paper's are nearer to features=trunk. Its time grows with the square of the pool: take
    subsample[base=max-herding] beyond some 20,000 images.
    bandwidth: features being of length 1; 0 takes their root mean square distance from their mean, which is
    the paper's 1 where they are spread evenly, and less where a network's lie close together.
    features: of the network's backbone, or of its frozen, pre-trained trunk, the same in every round (trunk),
    or of the tasks' heads, each task's of length 1 (tasks).
    """

    def __init__(self, bandwidth: float = 0.0, features: Features = "backbone") -> None:
        if bandwidth < 0:
            raise ValueError(f"max-herding: bandwidth must be 0 or more, not {bandwidth}")
        super().__init__(features)
        self.bandwidth = bandwidth

    def select(self, pool: Pool, budget: int) -> Selection:
        """Greedy maximum of the coverage."""
        return Selection(most_covering(self.vectors(pool), pool, budget, width=self.bandwidth))
