"""VAAL: the losses against torch's own, what the two networks learn, and what is chosen."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from baselines._adversarial import Adversaries, AutoEncoder, unlabelled_scores
from baselines.vaal import VAAL
from strategies.choosing import choose


def normal(count, width=5, seed=0):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def correlated(count, width=30, factors=4, seed=0):
    """Vectors as networks give them: few factors of variation and some noise."""
    rng = np.random.default_rng(seed)
    mixed = rng.standard_normal((count, factors)) @ rng.standard_normal((factors, width))
    return (mixed + 0.3 * rng.standard_normal((count, width))).astype(np.float32)


def test_the_losses_are_those_of_the_variational_bound():
    torch.manual_seed(0)
    encoder, vectors = AutoEncoder(5), torch.randn(7, 5)
    mean, log_variance = encoder(vectors)
    latent, divergence = encoder.drawn(vectors)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(divergence, expected)
    likelihood = Normal(encoder.decoder(latent), 1.0).log_prob(vectors).sum(1)
    constant = 5 * np.log(2 * np.pi) / 2
    torch.testing.assert_close(encoder.error(vectors, latent), -likelihood - constant)


def test_latent_vectors_are_drawn_from_their_distribution():
    torch.manual_seed(0)
    encoder, vector = AutoEncoder(5), torch.randn(1, 5)
    mean, log_variance = encoder(vector)
    drawn, _ = encoder.drawn(vector.expand(20_000, 5))
    torch.testing.assert_close(drawn.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.var(0), log_variance[0].exp(), atol=0, rtol=0.05)


def learnt(adversaries, seed=0):
    """Parameters of encoder, decoder and discriminator after one step on fixed vectors."""
    torch.manual_seed(seed)
    vectors, signs = torch.randn(8, 5).double(), torch.tensor([1.0, -1.0]).repeat_interleave(4)
    adversaries.learn(vectors, signs)
    modules = (adversaries.encoder.encoder, adversaries.encoder.decoder, adversaries.discriminator)
    return [torch.nn.utils.parameters_to_vector(module.parameters()).detach() for module in modules]


def test_a_step_teaches_all_three():
    torch.manual_seed(0)
    adversaries = Adversaries(5)
    for before, after in zip(learnt(adversaries), learnt(adversaries), strict=True):
        assert (before != after).float().mean() > 0.5


def test_the_encoder_learns_from_the_discriminator_and_the_decoder_does_not():
    torch.manual_seed(0)
    one = Adversaries(5)
    torch.manual_seed(0)
    other = Adversaries(5)
    with torch.no_grad():
        other.discriminator[-1].weight.neg_()
    (encoder, decoder, _), (encoder_2, decoder_2, _) = learnt(one), learnt(other)
    assert not torch.equal(encoder, encoder_2)
    assert torch.equal(decoder, decoder_2)


def test_the_region_without_labels_is_told_from_the_other():
    vectors = correlated(200)
    vectors[150:] += correlated(1, seed=9)
    scores = unlabelled_scores(vectors, np.arange(75), np.arange(75, 200), 100, np.random.default_rng(0))
    ranks = scores.argsort().argsort()
    labelled, beside_it, far = (ranks[part].mean() for part in np.split(np.arange(200), [75, 150]))
    assert far > 165
    assert beside_it - labelled < 0.4 * (far - beside_it), "the labelled images are known by heart"


@pytest.mark.parametrize("seed", range(2))
def test_regions_without_labels_come_first(pool_of, blobs, seed):
    vectors, which = blobs(60, 15, 15, seed=seed)
    chosen = VAAL().select(pool_of(vectors, range(30), seed), 30).indices
    assert set(which[chosen]) == {1, 2}


def test_with_nothing_labelled_the_choice_is_random(pool_of):
    chosen = {tuple(VAAL().select(pool_of(normal(30), seed=seed), 3).indices) for seed in range(10)}
    assert len(chosen) == 10


def test_copies_of_one_image_are_chosen_at_random(pool_of):
    vectors = np.full((40, 3), 0.1, np.float32)
    chosen = [VAAL(steps=3).select(pool_of(vectors, range(5), seed), 10).indices for seed in range(6)]
    assert len(set(np.concatenate(chosen))) > 25


@pytest.mark.parametrize(("count", "labelled"), [(1, 0), (2, 1), (24, 23), (24, 1)])
def test_few_images_are_no_hindrance(pool_of, count, labelled):
    left = count - labelled
    chosen = choose(VAAL(steps=3), "vaal", pool_of(normal(count), range(labelled)), left).indices
    assert sorted(chosen) == list(range(labelled, count))


def test_the_same_seed_gives_the_same_choice_on_any_number_of_threads(pool_of):
    threads, vectors = torch.get_num_threads(), normal(300, 20)
    found = []
    for number in (1, 2):
        torch.set_num_threads(number)
        found.append(VAAL(steps=20).select(pool_of(vectors, range(30)), 40).indices.tolist())
    torch.set_num_threads(threads)
    assert found[0] == found[1]
    assert found[0] != VAAL(steps=20).select(pool_of(vectors, range(30), 1), 40).indices.tolist()


def test_parameters_and_vectors_that_cannot_be_are_refused(pool_of):
    with pytest.raises(ValueError, match="at least 1"):
        VAAL(steps=0)
    vectors = normal(20)
    vectors[3] = np.inf
    with pytest.raises(ValueError, match="row 3"):
        VAAL().select(pool_of(vectors, [0]), 2)
