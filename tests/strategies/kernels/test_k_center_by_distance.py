"""Greedy k-center by a distance that is given: against the rule over the whole matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.kernels.k_center import k_center_greedy
from strategies.kernels.k_center_by_distance import CENTRES, ROWS, k_center_by_distance


def looked_up(matrix):
    return lambda part, centres: matrix[part][:, centres]


def by_the_rule(matrix, centres, budget, tickets):
    """With all distances at hand."""
    known, chosen = list(centres), []
    for _ in range(budget):
        far = matrix[:, known].min(1) if known else np.full(len(matrix), np.inf)
        left = [at for at in np.flatnonzero(tickets) if at not in chosen]
        chosen.append(max(left, key=lambda at: (far[at], tickets[at])))
        known.append(chosen[-1])
    return chosen


@given(count=st.integers(1, 40), levels=st.integers(1, 5), seed=st.integers(0, 10**6))
def test_picks_are_those_of_the_rule_whatever_the_matrix(count, levels, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, levels, (count, count)).astype(np.float32)
    np.fill_diagonal(matrix, 0)
    centres = rng.permutation(count)[: rng.integers(0, count)]
    tickets = 1 - rng.random(count)
    tickets[centres] = 0
    budget = int(rng.integers(0, count - len(centres) + 1))
    found = k_center_by_distance(looked_up(matrix), centres, budget, tickets)
    assert found.tolist() == by_the_rule(matrix, centres, budget, tickets)


def test_with_euclidean_distances_it_is_greedy_k_center_over_several_blocks():
    points = np.random.default_rng(0).standard_normal((3 * ROWS + 5, 4))
    matrix = np.sqrt(np.square(points[:, None] - points).sum(2)).astype(np.float32)
    centres = np.arange(CENTRES + 7)
    tickets = np.r_[np.zeros(len(centres)), np.ones(len(points) - len(centres))]
    found = k_center_by_distance(looked_up(matrix), centres, 20, tickets)
    expected = k_center_greedy(points, 20, centres, rng=np.random.default_rng(0))
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("ticket", [0.1, 0.9])
def test_the_highest_ticket_decides_between_equals_and_no_ticket_is_never_taken(ticket):
    tickets = np.array([0.5, ticket, 0.0])
    found = k_center_by_distance(looked_up(np.ones((3, 3), np.float32)), np.arange(0), 2, tickets)
    assert found.tolist() == ([1, 0] if ticket > 0.5 else [0, 1])
