"""A stored trajectory replayed: the same images, and so the same networks, in the same order."""

import pytest

from benchmark.errors import UserError
from benchmark.execution.serial import run_serial
from benchmark.protocol.work_left import plan

BASE = "consistency-diversity[weighting=none]"


def rounds_of(bench, strategy):
    return [bench.store.read("rooms", strategy, 0, number) for number in range(3)]


def test_a_replayed_trajectory_is_the_trajectory(small_bench, tmp_path):
    first = small_bench(tmp_path / "first", strategies=[BASE], full_data=False)
    assert run_serial(first, plan(first.experiment)) == []
    replay = f"replay[from={first.store.trajectory('rooms', BASE, 0).parent}]"
    second = small_bench(tmp_path / "second", strategies=[replay], full_data=False)
    assert run_serial(second, plan(second.experiment)) == []
    pairs = list(zip(rounds_of(first, BASE), rounds_of(second, replay), strict=True))
    for one, two in pairs:
        for name in ("labelled", "selected", "metrics", "weights_digest"):
            assert getattr(one, name) == getattr(two, name)
    assert all(two.scores is None for _, two in pairs)


def test_another_seed_is_refused_with_its_name(small_bench, tmp_path):
    first = small_bench(tmp_path / "first", strategies=["random"], full_data=False)
    run_serial(first, plan(first.experiment))
    replay = f"replay[from={tmp_path / 'first/rooms/random'}]"
    second = small_bench(tmp_path / "second", strategies=[replay], seeds=[1], full_data=False)
    (failure,) = run_serial(second, plan(second.experiment))
    assert failure.job.strategy == replay
    assert "none of the 3 rounds" in failure.reason


@pytest.mark.parametrize("name", ["replay", "replay[from=nowhere]"])
def test_a_missing_folder_is_refused_before_anything_is_trained(small_bench, tmp_path, name):
    with pytest.raises(UserError, match="RESULTS/DATASET/STRATEGY"):
        small_bench(tmp_path, strategies=[name])
