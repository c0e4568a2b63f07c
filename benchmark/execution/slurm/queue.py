"""What SLURM's own queue says of submitted jobs: every cluster answers that, with accounting or without."""

from __future__ import annotations

import os

from submitit.slurm.slurm import SlurmInfoWatcher

#: States from which no job comes back by itself. A preempted or requeued one may, and a suspended one does.
ENDED = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"}
GONE = "no longer in the queue"  # which forgets a job some minutes after its end
HEAD = "JobID|State|NodeList\n"


class QueueWatcher(SlurmInfoWatcher):
    """Asks ``squeue``, once about all jobs, and not ``sacct``, which says nothing where accounting is off."""

    def _make_command(self) -> list[str] | None:
        if not self._registered - self._finished:
            return None
        # --array: a line for each task; a list of tasks in one line is cut short.
        mine = ["--user", str(os.getuid()), "--states", "all"]
        return ["squeue", "--array", "--noheader", *mine, "--format", "%i|%T|%N"]

    def read_info(self, string: bytes | str) -> dict[str, dict[str, str]]:
        """The states of all jobs that are waited for, by their numbers."""
        lines = string if isinstance(string, str) else string.decode()
        known = super().read_info(HEAD + lines)
        return {number: known.get(number, {"State": GONE}) for number in self._registered - self._finished}

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        """Whether a job has ended, well or not."""
        return self.get_state(job_id, mode=mode) in {*ENDED, GONE}
