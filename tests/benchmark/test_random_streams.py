"""Named random streams: reproducible, distinct, and without a trace in torch's global state."""

import itertools
from typing import get_args

import numpy as np
import pytest
import torch

from benchmark.random_streams import Purpose, Streams, global_torch_stream

PURPOSES = get_args(Purpose)


def test_every_part_of_the_name_gives_another_stream():
    parts = itertools.product(("rooms", "rooms1", "nyud"), (0, 1, 11), (0, 1, 10), PURPOSES)
    seeds = [Streams(dataset, seed, number).seed_of(purpose) for dataset, seed, number, purpose in parts]
    assert len(set(seeds)) == len(seeds) == 3 * 3 * 3 * len(PURPOSES)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_parts_do_not_run_into_each_other():
    assert Streams("rooms1", 1, 0).seed_of("weights") != Streams("rooms", 11, 0).seed_of("weights")
    assert Streams("rooms", 1, 11).seed_of("weights") != Streams("rooms", 11, 1).seed_of("weights")


def test_seeds_never_change():
    """Stored results are keyed by settings, not by the hash: another hash would mix two studies."""
    assert Streams("rooms", 0, 0).seed_of("weights") == 8034333413254769659


def test_a_stream_starts_anew_each_time():
    streams = Streams("rooms", 3, 2)
    assert np.array_equal(streams.numpy("batches").random(9), streams.numpy("batches").random(9))
    first, second = (torch.rand(9, generator=streams.torch("augmentation")) for _ in range(2))
    assert torch.equal(first, second)
    other = torch.rand(9, generator=streams.torch("companion"))
    assert not torch.equal(first, other)


def test_inside_the_block_torch_follows_the_seed_and_outside_it_nothing_happened():
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    with global_torch_stream(77):
        first = torch.rand(5)
        with global_torch_stream(3):
            torch.rand(100)
        inner = torch.rand(5)
    assert torch.equal(torch.rand(4), expected)
    torch.manual_seed(77)
    assert torch.equal(torch.rand(5), first)
    assert torch.equal(torch.rand(5), inner), "a nested block leaves the outer one where it was"


def test_an_error_inside_the_block_restores_the_state_too():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), global_torch_stream(5):
        torch.rand(3).view(2)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_on_the_cpu_does_not_wake_the_gpu():
    was_awake = torch.cuda.is_initialized()
    with global_torch_stream(5):
        torch.rand(3)
    assert torch.cuda.is_initialized() == was_awake
