"""CoreGCN: the graph against a dense one, the network against its formula, and what is chosen."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from baselines import _graph_network
from baselines._features import standardised
from baselines._graph_network import GraphNetwork, hidden_features, neighbour_graph
from baselines.core_gcn import CoreGCN
from strategies.choosing import choose


def normal(count, width=5, seed=0):
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def dense_graph(features, neighbours):
    distances = cdist(features, features)
    np.fill_diagonal(distances, -1)
    nearest = distances.argsort(1)[:, : neighbours + 1]
    links = np.zeros_like(distances)
    np.put_along_axis(links, nearest, 1, 1)
    links = np.maximum(links, links.T)
    return links / links.sum(1, keepdims=True)


@pytest.mark.parametrize("neighbours", [1, 4, 10])
@pytest.mark.parametrize("count", [1, 2, 10, 11, 40])
def test_the_graph_links_every_image_with_its_nearest_and_itself(count, neighbours):
    features = normal(count)
    found = neighbour_graph(features, neighbours).toarray()
    np.testing.assert_allclose(found, dense_graph(features, neighbours), rtol=1e-6)
    assert ((found > 0) == (found > 0).T).all()


def test_the_network_is_two_graph_convolutions(monkeypatch):
    monkeypatch.setattr(_graph_network, "DROPOUT", 0.0)
    features = normal(30)
    graph = neighbour_graph(features, 3)
    torch.manual_seed(0)
    network = GraphNetwork(graph, features)
    (one, bias), (two, bias_2) = (
        [p.detach().numpy().astype(np.float64) for p in layer.parameters()]
        for layer in (network.first, network.second)
    )
    dense = graph.toarray().astype(np.float64)
    expected = dense @ np.maximum(dense @ features @ one.T + bias, 0) @ two.T + bias_2
    np.testing.assert_allclose(network().detach().numpy(), expected[:, 0], rtol=1e-4, atol=1e-5)


def separation(hidden):
    """Distance of the two regions' means, in units of the spread within the first."""
    return np.linalg.norm(hidden[:40].mean(0) - hidden[40:].mean(0)) / np.sqrt(hidden[:40].var(0).sum())


def test_training_moves_the_region_without_labels_away():
    features = normal(60, 6)
    features[40:, 0] += 2  # the first 20 of the other 40 are labelled
    before, after = (
        hidden_features(standardised(features), np.arange(20), 10, steps, np.random.default_rng(0))
        for steps in (1, 200)
    )
    assert separation(after) > 1.25 * separation(before)


@pytest.mark.parametrize("seed", range(3))
def test_regions_without_labels_come_first(pool_of, blobs, seed):
    vectors, which = blobs(30, 20, 20, 20, seed=seed)
    chosen = CoreGCN().select(pool_of(vectors, range(10), seed), 3).indices
    assert sorted(which[chosen]) == [1, 2, 3]


@pytest.mark.parametrize(("count", "labelled"), [(1, 0), (2, 1), (10, 0), (11, 4), (24, 23)])
def test_few_images_and_copies_are_no_hindrance(pool_of, count, labelled):
    for vectors in (normal(count), np.ones((count, 3))):
        pool = pool_of(vectors, range(labelled))
        chosen = choose(CoreGCN(steps=5), "core-gcn", pool, count - labelled).indices
        assert sorted(chosen) == list(range(labelled, count))


def test_copies_of_one_image_are_chosen_at_random(pool_of):
    vectors = np.full((40, 3), 0.1, np.float32)
    chosen = [CoreGCN(steps=5).select(pool_of(vectors, range(5), seed), 10).indices for seed in range(6)]
    assert len(set(np.concatenate(chosen))) > 25


def test_the_same_seed_gives_the_same_choice_on_any_number_of_threads(pool_of):
    threads, vectors = torch.get_num_threads(), normal(300, 20)
    found = []
    for number in (1, 2):
        torch.set_num_threads(number)
        found.append(CoreGCN(steps=20).select(pool_of(vectors, range(30)), 40).indices.tolist())
    torch.set_num_threads(threads)
    assert found[0] == found[1]
    assert found[0] != CoreGCN(steps=20).select(pool_of(vectors, range(30), 1), 40).indices.tolist()


@pytest.mark.parametrize("values", [{"neighbours": 0}, {"steps": 0}])
def test_parameters_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match="at least 1"):
        CoreGCN(**values)


def test_vectors_that_are_not_finite_are_refused(pool_of):
    vectors = normal(20)
    vectors[3] = np.nan
    with pytest.raises(ValueError, match="row 3"):
        CoreGCN().select(pool_of(vectors, [0]), 2)
