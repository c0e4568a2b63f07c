"""One thread inside, as many as before outside."""

import pytest
import torch

from strategies.kernels.threads import one_torch_thread


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_one_inside_and_as_before_outside(three_threads):
    with one_torch_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_as_before_after_a_failure(three_threads):
    with pytest.raises(RuntimeError, match="on purpose"), one_torch_thread():
        raise RuntimeError("on purpose")
    assert torch.get_num_threads() == 3
