"""What is trained within a selection: a function of the stream given, and without a trace outside."""

import numpy as np
import pytest
import torch

from strategies.isolated_training import apart


def drawn(seed):
    with apart(np.random.default_rng(seed)):
        return torch.nn.Linear(3, 2).weight.detach().tolist(), torch.randn(2).tolist()


def test_what_is_drawn_inside_depends_on_the_stream_alone():
    torch.manual_seed(1)
    first = drawn(0)
    torch.manual_seed(2)
    assert drawn(0) == first
    assert drawn(1) != first


def test_the_stream_moves_on():
    rng = np.random.default_rng(0)
    with apart(rng):
        one = torch.randn(4)
    with apart(rng):
        assert not torch.equal(one, torch.randn(4))


@pytest.mark.parametrize("failing", [False, True])
def test_streams_and_threads_outside_are_untouched(failing):
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    try:
        with apart(np.random.default_rng(0)):
            torch.randn(10)
            assert not torch.equal(torch.random.get_rng_state(), state)
            assert torch.get_num_threads() == 1
            if failing:
                raise KeyError
    except KeyError:
        assert failing
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_it_can_train_where_gradients_are_off():
    with torch.no_grad():
        with apart(np.random.default_rng(0)):
            weight = torch.ones(1, requires_grad=True)
            (2 * weight).sum().backward()
        assert not torch.is_grad_enabled()
    assert weight.grad.tolist() == [2]
