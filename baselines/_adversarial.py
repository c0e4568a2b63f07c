"""The two networks of Sinha, Ebrahimi & Darrell, ICCV 2019, section 3, as small ones on feature vectors."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from strategies.interface import Positions, Scores
from strategies.isolated_training import apart

HIDDEN, LATENT, BATCH = 128, 32, 64
LEARNING_RATE = 1e-3


class AutoEncoder(nn.Module):
    """A variational auto-encoder of vectors."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, width))

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latent vectors (B x LATENT each)."""
        mean, log_variance = self.encoder(vectors).chunk(2, 1)
        return mean, log_variance

    def drawn(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Latent vectors at random, and their Kullback-Leibler divergence (B) from the standard normal."""
        mean, log_variance = self(vectors)
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2
        return mean + torch.randn_like(mean) * (log_variance / 2).exp(), divergence

    def error(self, vectors: Tensor, latent: Tensor) -> Tensor:
        """Negative log-likelihood (B) of the vectors, each value of variance 1, but for a constant."""
        error: Tensor = (self.decoder(latent) - vectors).square().sum(1) / 2
        return error


class Adversaries:
    """The auto-encoder, and the discriminator that is to tell labelled from unlabelled latent vectors.

    In float64, so that last bits, which differ between machines, do not decide who is chosen.
    """

    def __init__(self, width: int) -> None:
        self.encoder = AutoEncoder(width).double()
        self.discriminator = nn.Sequential(
            nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1)
        ).double()
        self.encoding = torch.optim.Adam(self.encoder.parameters(), LEARNING_RATE)
        self.telling = torch.optim.Adam(self.discriminator.parameters(), LEARNING_RATE)

    def learn(self, vectors: Tensor, signs: Tensor) -> None:
        """One step of each, on vectors of labelled (sign 1) and of unlabelled images (sign -1)."""
        latent, divergence = self.encoder.drawn(vectors)
        caught = F.softplus(-self.discriminator(latent).squeeze(1))  # all are to pass for labelled
        _step(self.encoding, (self.encoder.error(vectors, latent) + divergence + caught).mean())
        # By the means of the latent vectors it would soon know the few labelled images by heart.
        said = self.discriminator(latent.detach()).squeeze(1)
        _step(self.telling, F.softplus(-signs * said).mean())

    def labelled(self, vectors: Tensor) -> Tensor:
        """Logits of being labelled (N), by the means of the latent vectors.

        Rounded, for equal rows of a matrix product may differ in their last bits.
        """
        logits: Tensor = self.discriminator(self.encoder(vectors)[0]).squeeze(1)
        return logits.round(decimals=9)


def unlabelled_scores(
    features: NDArray[np.float32],
    labelled: Positions,
    unlabelled: Positions,
    steps: int,
    rng: np.random.Generator,
) -> Scores:
    """How unlabelled the trained discriminator takes each of the N images to be: a logit, higher is more."""
    vectors = torch.from_numpy(features).double()
    either = [torch.from_numpy(positions) for positions in (labelled, unlabelled)]
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat_interleave(BATCH)
    with apart(rng):
        adversaries = Adversaries(features.shape[1])
        for _ in range(steps):
            drawn = [positions[torch.randint(len(positions), (BATCH,))] for positions in either]
            adversaries.learn(vectors[torch.cat(drawn)], signs)
        with torch.no_grad():
            return np.asarray(-adversaries.labelled(vectors).numpy())


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
