"""A clock that is set back and forward in the middle of a run: nothing hangs on the time of day."""

import pytest
from harness import assert_same, signs

from benchmark.records.status import status_table


@pytest.mark.slow
@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_is_set_while_a_run_is_at_work(study, undisturbed, run, injected, tmp_path, hours):
    with injected("clock set by 30 hours every second, back and forward"):
        command = run(study, tmp_path, clock=hours)
        assert command.until(lambda: signs(tmp_path) and "1 running" in status_table(tmp_path)), command.said
        assert command.code() == 0, command.said
        assert_same(tmp_path, undisturbed(study))
        assert status_table(tmp_path).splitlines()[-1] == "20 of 20 rounds in all"
