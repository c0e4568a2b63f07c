"""Training beside a plain loop, on whatever device is there: printed, and never slower."""

from pathlib import Path

import pytest

from benchmark.experiment.loading import load_experiment
from benchmark.measure.profile import profile
from benchmark.progress import Progress
from benchmark.protocol.bench import open_bench


@pytest.mark.perf
@pytest.mark.parametrize("size", [48, 128])
def test_training_is_not_slower_than_a_plain_loop(tmp_path: Path, size: int, benchmark) -> None:
    fields = {"threads": 1, "data": {"height": size, "width": size, "pool": 64, "val": 32}}
    bench = open_bench(load_experiment(None, "quick", fields), tmp_path, Progress(quiet=True))
    measured = benchmark.pedantic(lambda: profile(bench, 15), rounds=1)
    print(f"\n{size} x {size} on {bench.device}\n{measured.text()}")
    assert measured.train > 0.9 * measured.plain
