"""How many jobs fit: refused in one sentence before anything waits for what is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UserError
from benchmark.execution.resources import Node, Share, Wish, shared_out

CPU = [Node(8, 0)]
BOX = [Node(16, 4)]


@pytest.fixture
def shares(small_experiment):
    def share(nodes, wish, **changes):
        return shared_out(small_experiment(**{"threads": None, "device": "auto", **changes}), wish, nodes)

    return share


@pytest.mark.parametrize(
    ("nodes", "wish", "changes", "share"),
    [
        (CPU, Wish(2), {}, Share(2, "cpu", 4)),
        (CPU, Wish(), {}, Share(8, "cpu", 1)),
        (CPU, Wish(), {"threads": 3}, Share(2, "cpu", 3)),
        (CPU, Wish(8), {"threads": 1}, Share(8, "cpu", 1)),
        (BOX, Wish(), {}, Share(4, "cuda", 4)),
        (BOX, Wish(None, 2), {}, Share(8, "cuda", 2, 2)),
        (BOX, Wish(6, 2), {"threads": 2}, Share(6, "cuda", 2, 2)),
        (BOX, Wish(2), {"device": "cuda"}, Share(2, "cuda", 8)),
        (BOX, Wish(2), {"device": "cpu"}, Share(2, "cpu", 8)),
        ([Node(4, 0), Node(4, 0), Node(3, 0)], Wish(), {"threads": 4}, Share(2, "cpu", 4)),
        ([Node(8, 2), Node(8, 8)], Wish(10), {}, Share(10, "cuda", 1)),
    ],
)
def test_what_each_job_gets(shares, nodes, wish, changes, share):
    assert shares(nodes, wish, **changes) == share


@pytest.mark.parametrize(
    ("nodes", "wish", "changes", "words"),
    [
        (CPU, Wish(2), {"device": "cuda"}, "device: cuda is not there; no node has a CUDA device"),
        (CPU, Wish(9), {}, "--jobs 9 with 1 thread each is more than the 8 that fit on 8 cores"),
        (CPU, Wish(2), {"threads": 5}, "--jobs 2 with 5 threads each is more than the 1"),
        (CPU, Wish(), {"threads": 9}, "--jobs 1 with 9 threads each is more than the 0"),
        (CPU, Wish(2, 2), {}, "--per-device is for jobs that share a GPU"),
        (BOX, Wish(5), {}, "--jobs 5 is more than the 4 that fit on 4 GPUs with --per-device 1"),
        (BOX, Wish(9, 2), {}, "--jobs 9 is more than the 8"),
        (BOX, Wish(2), {"device": "cuda:1"}, "device: cuda:1 is one GPU"),
        ([Node(2, 0), Node(2, 0)], Wish(1), {"threads": 4}, "the 0 that fit on 4 cores"),
    ],
)
def test_what_is_not_there_is_refused(shares, nodes, wish, changes, words):
    with pytest.raises(UserError) as error:
        shares(nodes, wish, **changes)
    assert words in str(error.value)
    assert str(error.value).endswith((".", ")."))


@given(st.integers(1, 64))
def test_the_parts_of_a_gpu_fit_into_it(per_device):
    share = Share(1, "cuda", 1, per_device)
    assert 1 - 0.01 < per_device * share.gpus <= 1
    assert Share(1, "cpu", 3).gpus == 0
    assert (share.cpus, Share(1, "cpu", 3).cpus) == (0, 3)
