"""Ray itself: imported with our settings, started on this machine or found by RAY_ADDRESS, and ended."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event
from typing import Any

from benchmark.errors import UserError
from benchmark.execution.ray.cleanup import reaped
from benchmark.execution.resources import Node
from benchmark.optional_libraries import install_command
from benchmark.training.hardware.cores import cores_here
from benchmark.training.hardware.devices import usable_gpus

ADDRESS = "RAY_ADDRESS"
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # workers use this environment, and make none
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning for every job without a GPU
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # Ray's own words about workers would go into the table and the bar
    "RAY_task_oom_retries": "3",  # for ever, if not set; ours are counted by the queue
}
TOKEN = Path(".ray/auth_token")  # in the home folder: opens a cluster
PATIENCE = 5.0  # seconds for a cluster to answer
#: Ray keeps nothing of ours in its object store; this is about the least that it takes.
OBJECT_STORE = 80 * 2**20


def import_ray() -> Any:
    """The ray module, its settings made before. Raises UserError when it is not installed."""
    if "ray" not in sys.modules:  # later it would set other processes only
        _make_settings()
    try:
        import ray
    except ImportError:
        raise UserError(
            f"Jobs side by side (--jobs, --engine ray) need Ray: {install_command('cluster')} brings it."
        ) from None
    return ray


def _make_settings() -> None:
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if address() is None or (Path.home() / TOKEN).is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def address() -> str | None:
    """The cluster that the user named; None for this machine alone."""
    given = os.environ.get(ADDRESS, "")
    return None if given in ("", "local") else given


def nodes() -> list[Node]:
    """This machine, or the living nodes of the cluster. Raises UserError when none answers."""
    if address() is None:
        return [_this_machine()]
    with session([]):
        alive = [node["Resources"] for node in import_ray().nodes() if node["Alive"]]
    return [Node(int(has.get("CPU", 0)), int(has.get("GPU", 0))) for has in alive]


@contextmanager
def session(own: list[Node]) -> Iterator[Event]:
    """Ray while the block runs: the cluster that the user named, or one of our own node.

    The event is set when a signal asks for the end.
    """
    with nullcontext() if address() else reaped(), _up(own) as terminated:
        yield terminated


@contextmanager
def _up(own: list[Node]) -> Iterator[Event]:
    """Ray ends on SIGTERM in its own way, and makes exit code 1 of what a handler raises while it waits.

    So a signal is only noted here, for whoever waits, and handed to the handler when Ray is down.
    """
    ray, terminated, handler = import_ray(), Event(), signal.getsignal(signal.SIGTERM)
    umask = os.umask(0o077)  # the token that opens the session is written with these rights
    try:
        _start(ray, own)
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


def _this_machine() -> Node:
    # In a container a machine has more cores than may be used: more jobs would wait for each other.
    return Node(cores_here().usable, usable_gpus().gpus)


def _start(ray: Any, own: list[Node]) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    given = address()
    if given is not None:
        _join(ray, given, quiet)
        return
    (node,) = own
    size = {"num_cpus": node.cpus, "num_gpus": node.gpus, "object_store_memory": OBJECT_STORE}
    try:
        ray.init(address="local", include_dashboard=False, **size, **quiet)
    except Exception as error:  # Ray has no type for this; a machine that is very busy is too slow for it
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(
            f"Ray does not start on this machine: {reason}. Run the same command again."
        ) from error


def _join(ray: Any, given: str, quiet: dict[str, Any]) -> None:
    _check_that_it_answers(given)
    try:
        ray.init(address=given, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"{ADDRESS}={given}: {reason}.") from error


def _check_that_it_answers(given: str) -> None:
    """Ray itself would try for minutes."""
    host, _, port = given.rpartition(":")
    if given == "auto":
        return
    if not host or not port.isdecimal() or "/" in host:
        raise UserError(f"{ADDRESS}={given}: must be HOST:PORT of the cluster's head, or auto, or local.")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"{ADDRESS}={given}: no Ray cluster answers there ({error}).") from None
