"""The Ray engine: many jobs at once, on this machine's GPUs or cores or, by RAY_ADDRESS, on a cluster's."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from benchmark.bench import Bench, open_bench
from benchmark.config import Experiment
from benchmark.errors import UserError
from benchmark.execution.faults import Fault
from benchmark.execution.follow import Follower
from benchmark.execution.room import Node, Wish, shared_out
from benchmark.execution.schedule import Failure, Queue, longest_first
from benchmark.execution.stored import to_do
from benchmark.execution.unit import Order, do, order_of
from benchmark.plan import Job, Work
from benchmark.progress import Progress

POLL = 0.5  # seconds between two looks at what the jobs say
ADDRESS = "RAY_ADDRESS"
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers use this environment, and make none
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning for every job without a GPU
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # Ray's own words about workers would go into the table and the bar
    "RAY_task_oom_retries": "3",  # for ever, if not set; ours are counted by the queue
}
#: Ray keeps nothing of ours in its object store; this is about the least that it takes.
OBJECT_STORE = 80 * 2**20


class RayEngine:
    """Runs jobs in processes of their own. Raises UserError for resources that are not there."""

    in_process = False

    def __init__(self, experiment: Experiment, wish: Wish) -> None:
        import_ray()
        self._nodes = _nodes_of_cluster() if os.environ.get(ADDRESS) else [_this_machine()]
        self._share = shared_out(experiment, wish, self._nodes)
        settled = {"device": self._share.device, "threads": self._share.threads}
        self._experiment = experiment.model_copy(update=settled)

    def opened(self, out: Path, progress: Progress) -> Bench:
        """The experiment, opened to plan: this process trains nothing, and leaves GPUs alone."""
        progress.say(f"Opening {self._experiment.dataset}")
        here = self._experiment.model_copy(update={"device": "cpu", "threads": 1})
        return open_bench(here, out, progress)

    def facts(self, bench: Bench) -> dict[str, Any]:
        """Device and threads of the jobs, for ``environment.json``."""
        device, asked = self._share.device, bench.experiment.deterministic
        deterministic = device == "cpu" if asked is None else asked
        return {"device": device, "threads": self._share.threads, "deterministic": deterministic}

    def place(self, bench: Bench) -> str:
        """Where jobs run, in words."""
        del bench
        share = self._share
        place = f"the Ray cluster at {os.environ[ADDRESS]}" if os.environ.get(ADDRESS) else "this machine"
        return f"{share.device} of {place}, {share.jobs} at once, {share.threads} threads each"

    def run_jobs(self, bench: Bench, jobs: Mapping[Job, Work]) -> list[Failure]:
        """Run all jobs that have something to do; one that fails stops no other."""
        left = to_do(bench, jobs)
        if not left:
            return []
        queue = Queue(longest_first(bench, left), bench.progress.say)
        with _session(self._nodes) as terminated:
            self._run(bench, queue, Follower(bench, left), terminated)
        return queue.failures

    def _run(self, bench: Bench, queue: Queue, follower: Follower, terminated: Event) -> None:
        running: dict[Any, Job] = {}
        while queue.left and not terminated.is_set():
            while len(running) < self._share.jobs and (job := queue.take()):
                running[self._start(order_of(bench, self._experiment, job))] = job
            ended = _ended(running)
            for job in running.values():
                follower.look(job)
            for reference in ended:
                job = running.pop(reference)
                follower.look(job, ended=True)
                queue.settle(job, _fault_of(reference))

    def _start(self, order: Order) -> Any:
        """A process of its own for each job (``max_calls``), which frees the GPU's memory with its end.

        Ray's own retries are off: the queue counts tries, so that lost workers and full disks are one rule.
        """
        task = import_ray().remote(max_calls=1, max_retries=0)(do)
        name = f"{order.job.kind} {order.job.strategy} seed {order.job.seed}"
        return task.options(num_cpus=self._share.cpus, num_gpus=self._share.gpus, name=name).remote(order)


def import_ray() -> Any:
    """The ray module, its settings made before. Raises UserError when it is not installed."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError:
        raise UserError(
            "Jobs side by side (--jobs, --engine ray) need Ray, which the extra `cluster` brings: "
            'pip install "ray>=2.52".'
        ) from None
    return ray


def _this_machine() -> Node:
    import torch

    return Node(len(os.sched_getaffinity(0)), torch.cuda.device_count())


def _nodes_of_cluster() -> list[Node]:
    """The living nodes of the cluster at RAY_ADDRESS. Raises UserError when none answers there."""
    with _session(None):
        alive = [node["Resources"] for node in import_ray().nodes() if node["Alive"]]
    return [Node(int(has.get("CPU", 0)), int(has.get("GPU", 0))) for has in alive]


@contextmanager
def _session(nodes: list[Node] | None) -> Iterator[Event]:
    """Ray while the block runs: the cluster at RAY_ADDRESS, or one of this machine alone.

    Ray ends on SIGTERM in its own way, and makes exit code 1 of what a handler raises while it waits. So a
    signal is only noted here, for whoever waits, and handed to the handler when Ray is down.
    """
    ray, terminated, handler = import_ray(), Event(), signal.getsignal(signal.SIGTERM)
    umask = os.umask(0o077)  # the token that opens the session is written with these rights
    try:
        _start_ray(ray, nodes)
        signal.signal(signal.SIGTERM, lambda *_: terminated.set())
        os.umask(umask)
        yield terminated
    except SystemExit:  # by Ray, for a SIGTERM in the seconds that it takes to start
        terminated.set()
        raise
    finally:
        os.umask(umask)
        ray.shutdown()
        signal.signal(signal.SIGTERM, handler)  # not before: Ray's end takes handlers away
        if terminated.is_set():
            signal.raise_signal(signal.SIGTERM)


def _start_ray(ray: Any, nodes: list[Node] | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if not os.environ.get(ADDRESS):
        assert nodes is not None
        (node,) = nodes
        size = {"num_cpus": node.cpus, "num_gpus": node.gpus, "object_store_memory": OBJECT_STORE}
        ray.init(address="local", include_dashboard=False, **size, **quiet)
        return
    try:
        ray.init(**quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"RAY_ADDRESS={os.environ[ADDRESS]}: no Ray cluster answers there ({reason})."
        ) from error


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
    except (
        RayTaskError
    ) as error:  # what a job itself raises comes back as a fault: this is the code around it
        return Fault("code", str(error.cause).splitlines()[0])
    except RayError as error:
        return Fault("machine", f"its process was lost ({type(error).__name__})")
    return fault
