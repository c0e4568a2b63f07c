"""The graph network of Caramalau, Bhattarai & Kim, CVPR 2021, section 3: two convolutions, one output."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from strategies.interface import Positions
from strategies.isolated_training import apart
from strategies.kernels.neighbours import nearest_neighbours

HIDDEN, DROPOUT = 128, 0.3
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 5e-4
UNLABELLED = 1.2  # weight of the unlabelled images in the loss: lambda in the paper


class GraphNetwork(nn.Module):
    """Tells labelled from unlabelled images by features that are averaged over neighbours, twice."""

    averaged: Tensor

    def __init__(self, graph: Any, features: NDArray[np.float32]) -> None:
        super().__init__()
        self.rows, self.columns = (torch.from_numpy(ends.astype(np.int64)) for ends in graph.nonzero())
        self.weights = torch.from_numpy(graph.data)
        self.register_buffer("averaged", torch.from_numpy(graph @ features))  # the same at every step
        self.first, self.second = nn.Linear(features.shape[1], HIDDEN), nn.Linear(HIDDEN, 1)

    def hidden(self) -> Tensor:
        """What the first convolution says of every image (N x HIDDEN)."""
        return F.relu(self.first(self.averaged))

    def forward(self) -> Tensor:
        """Logits of being labelled (N), with dropout: for training only."""
        hidden = self.hidden()
        kept = torch.rand_like(hidden) > DROPOUT  # F.dropout takes three times as long on a CPU
        # A (H w) in place of (A H) w: one number per image meets the graph.
        said = self.second(hidden * kept / (1 - DROPOUT)).squeeze(1)
        return torch.zeros_like(said).index_add(
            0, self.rows, self.weights * said.index_select(0, self.columns)
        )


def hidden_features(
    features: NDArray[np.float32], labelled: Positions, neighbours: int, steps: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Features of the first convolution (N x HIDDEN), trained to tell labelled from unlabelled images."""
    graph = neighbour_graph(features, neighbours)
    with apart(rng):
        network = GraphNetwork(graph, features)
        _train(network, _signs(len(features), labelled), steps)
        # Equal rows of a float32 product may differ in their last bits: equal images would have an order.
        return np.asarray(network.double().hidden().detach().numpy(), np.float32)


def neighbour_graph(features: NDArray[np.float32], neighbours: int) -> Any:
    """Sparse N x N weights: an image is linked to itself, its nearest, and those whose nearest it is.

    Links go both ways and every row sums to 1. Of ``neighbours`` images or fewer, all are linked.
    """
    from scipy.sparse import csr_array

    count = len(features)
    itself = np.arange(count)
    nearest = itself[:, None]
    if count > 1:
        nearest = np.hstack([nearest, nearest_neighbours(features, min(neighbours, count - 1))[1]])
    one, other = np.repeat(itself, nearest.shape[1]), nearest.ravel()
    rows, columns = np.divmod(np.unique(np.concatenate([one * count + other, other * count + one])), count)
    weights = (1 / np.bincount(rows)[rows]).astype(np.float32)
    return csr_array((weights, (rows, columns)), (count, count))


def _signs(count: int, labelled: Positions) -> Tensor:
    """1 for labelled, -1 for unlabelled images."""
    signs = torch.full((count,), -1.0)
    signs[torch.from_numpy(labelled)] = 1
    return signs


def _train(network: GraphNetwork, signs: Tensor, steps: int) -> None:
    """Binary cross-entropy, the mean of either set by itself."""
    weights = torch.where(signs > 0, 1 / (signs > 0).sum(), UNLABELLED / (signs < 0).sum())
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (weights * F.softplus(-signs * network())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
