"""Draws by weight and distance: frequencies and probabilities against those written out."""

from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chisquare

from strategies.kernels.distance_sampling import distance_sampling

POINTS = np.array([[0.0, 0], [3, 4], [1, 0], [0, 2], [1, 0]])
WEIGHTS = np.array([9.0, 1, 2, 0.5, 2])
DRAWS = 2000


def drawn(budget, labelled=(0,), uniform=0.1, seed=0, points=POINTS, weights=WEIGHTS):
    rng = np.random.default_rng(seed)
    return distance_sampling(points, budget, labelled, weights=weights, uniform=uniform, rng=rng)


def probability(order, centres, uniform):
    """Of drawing this order."""
    centres, chance, left = list(centres), 1.0, [i for i in range(5) if i not in centres]
    distances = cdist(POINTS, POINTS)
    for image in order:
        product = np.array(
            [WEIGHTS[i] * (min(distances[i, c] for c in centres) if centres else 1) for i in left]
        )
        even = np.ones(len(left)) / len(left)
        mixed = uniform * even + (1 - uniform) * (product / product.sum() if product.sum() else even)
        chance *= mixed[left.index(image)]
        left.remove(image)
        centres.append(image)
    return chance


@pytest.mark.parametrize("labelled", [(), (0,)])
@pytest.mark.parametrize("uniform", [0, 0.1, 1])
def test_draws_have_the_frequencies_and_the_probabilities_of_the_definition(uniform, labelled):
    rng, counts, said = np.random.default_rng(0), Counter(), {}
    for _ in range(DRAWS):
        order, steps = distance_sampling(POINTS, 2, labelled, weights=WEIGHTS, uniform=uniform, rng=rng)
        counts[tuple(order.tolist())] += 1
        said[tuple(order.tolist())] = steps.prod()
    for order, chance in said.items():
        assert chance == pytest.approx(probability(order, labelled, uniform))
    likely = [order for order in said if said[order] > 5 / DRAWS]
    rare = DRAWS - sum(counts[order] for order in likely)
    expected = [DRAWS * said[order] for order in likely]
    observed = [counts[order] for order in likely]
    rest = DRAWS - sum(expected)
    if rest > 5:
        observed, expected = [*observed, rare], [*expected, rest]
    else:
        expected = np.array(expected) * sum(observed) / sum(expected)
    assert chisquare(observed, expected).pvalue > 1e-3


def test_without_an_even_share_copies_of_what_is_there_come_last():
    for seed in range(20):
        order, steps = drawn(4, uniform=0, seed=seed)
        assert sorted(order.tolist()) == [1, 2, 3, 4]
        twins = [order.tolist().index(2), order.tolist().index(4)]
        assert max(twins) == 3, "the second of two copies is at distance 0"
        assert steps[3] == 1


def test_where_nothing_weighs_anything_the_draw_is_even():
    order, steps = drawn(4, weights=np.zeros(5))
    assert sorted(order.tolist()) == [1, 2, 3, 4]
    np.testing.assert_allclose(steps, [1 / 4, 1 / 3, 1 / 2, 1])


def test_a_number_at_the_very_end_draws_somebody():
    class End:
        def random(self):
            return 1 - 2**-53

    for count in range(1, 40):
        points = np.random.default_rng(count).random((count, 2))
        order, _ = distance_sampling(points, count, uniform=0.1, rng=End())
        assert sorted(order.tolist()) == list(range(count))


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"uniform": 1.5}, "uniform is 1.5"),
        ({"budget": 9}, "budget is 9"),
        ({"weights": -WEIGHTS}, "weights must be finite and not negative"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        drawn(**{"budget": 1, **arguments})
