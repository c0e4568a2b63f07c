"""The Ray engine: many jobs at once, on this machine's GPUs or cores or, by RAY_ADDRESS, on a cluster's."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from threading import Event
from typing import Any

from benchmark.execution.jobs.finished import to_do
from benchmark.execution.jobs.process import Order, do, order_of
from benchmark.execution.jobs.queue import Failure, Queue, longest_first
from benchmark.execution.leftovers import remove_litter_of_jobs
from benchmark.execution.ray.session import address, import_ray, nodes, session
from benchmark.execution.remote_engine import Elsewhere
from benchmark.execution.remote_progress import Follower
from benchmark.execution.resources import Wish, shared_out
from benchmark.experiment.config import Experiment
from benchmark.protocol.bench import Bench
from benchmark.protocol.work_left import Job, Work
from benchmark.records.faults import Fault
from benchmark.words import counted

POLL = 0.5  # seconds between two looks at what the jobs say


class RayEngine(Elsewhere):
    """Runs jobs in processes of their own. Raises UserError for resources that are not there."""

    def __init__(self, experiment: Experiment, wish: Wish) -> None:
        import_ray()
        self._nodes = nodes()
        self._share = shared_out(experiment, wish, self._nodes)
        super().__init__(experiment, self._share.device, self._share.threads)

    def place(self, bench: Bench) -> str:
        """Where jobs run, in words."""
        del bench
        share = self._share
        place = f"the Ray cluster at {address()}" if address() else "this machine"
        return f"{share.device} of {place}, {share.jobs} at once, {counted(share.threads, 'thread')} each"

    def run_jobs(self, bench: Bench, jobs: Mapping[Job, Work]) -> list[Failure]:
        """Run all jobs that have something to do; one that fails stops no other."""
        left = to_do(bench, jobs)
        if not left:
            return []
        queue = Queue(longest_first(bench, left), bench.progress.say)
        with session(self._nodes) as terminated:
            self._run(bench, queue, Follower(bench, left), terminated)
        return queue.failures

    def _run(self, bench: Bench, queue: Queue, follower: Follower, terminated: Event) -> None:
        running: dict[Any, Job] = {}
        while queue.left and not terminated.is_set():
            while len(running) < self._share.jobs and (job := queue.take()):
                running[self._start(order_of(bench, self.experiment, job))] = job
            ended = _ended(running)
            for job in running.values():
                follower.look(job)
            for reference in ended:
                job = running.pop(reference)
                fault = _fault_of(reference)
                follower.look(job, done=fault is None)
                if fault:  # a process that was lost took nothing away
                    remove_litter_of_jobs(bench.store.root)
                queue.settle(job, fault)

    def _start(self, order: Order) -> Any:
        """A process of its own for each job (``max_calls``), which frees the GPU's memory with its end.

        Ray's own retries are off: the queue counts tries, so that lost workers and full disks are one rule.
        """
        task = import_ray().remote(max_calls=1, max_retries=0)(do)
        name = f"{order.job.kind} {order.job.strategy} seed {order.job.seed}"
        return task.options(num_cpus=self._share.cpus, num_gpus=self._share.gpus, name=name).remote(order)


def _ended(running: Collection[Any]) -> list[Any]:
    """Those of the running jobs that have ended, after half a second at most."""
    if not running:
        time.sleep(POLL)
        return []
    ended: list[Any] = import_ray().wait(list(running), timeout=POLL)[0]
    return ended


def _fault_of(reference: Any) -> Fault | None:
    """How a job ended: as it says itself, or lost with its worker."""
    from ray.exceptions import RayError, RayTaskError

    try:
        fault: Fault | None = import_ray().get(reference)
    except RayTaskError as error:  # by the code around a job: what a job raises comes back as its fault
        return Fault("code", str(error.cause).splitlines()[0])
    except RayError as error:
        return Fault("machine", f"its process was lost ({type(error).__name__})")
    return fault
