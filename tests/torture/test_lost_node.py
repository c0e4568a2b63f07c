"""Two nodes of a Ray cluster on one machine, each with a name of its own, of which the second is lost."""

import os
import secrets
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from harness import assert_same, begun, kill_session, signs, wait_for

from benchmark.execution.ray.session import SETTINGS
from benchmark.records.status import status_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="the engine needs the extra `cluster`"),
]
ITERATIONS = 300  # so that a round takes seconds on a quick machine, too
#: What `mtal status` shows goes there, for docs/cluster.md.
PICTURES = "MTAL_TORTURE_PICTURES"


@pytest.fixture
def cluster(tmp_path):
    """Starts nodes of one core each, by name; a node's host name is its own where root may give one."""
    port = _free_port()
    nodes, address, head = {}, f"127.0.0.1:{port}", f"--head --include-dashboard false --port {port}"
    ray = f"{Path(sys.executable).with_name('ray')} start --block --num-cpus 1 --object-store-memory 80000000"

    def start(name):
        place = f"--address {address}" if nodes else head
        # A busy machine may be too slow for it at first.
        command = f"echo {name} > /proc/sys/kernel/hostname; until {ray} {place}; do sleep 1; done"
        nodes[name] = subprocess.Popen(
            ["unshare", "--uts", "sh", "-c", command],
            stdout=(tmp_path / f"{name}.txt").open("w"),
            stderr=subprocess.STDOUT,
            env={**os.environ, **SETTINGS, **start.environment, "CUDA_VISIBLE_DEVICES": ""},
            start_new_session=True,
        )
        wait_for(lambda: "Ray runtime started" in (tmp_path / f"{name}.txt").read_text())
        return nodes[name]

    if subprocess.run(["unshare", "--uts", "true"], capture_output=True).returncode:
        pytest.skip("no host can be given a name here")
    (tmp_path / "token").write_text(secrets.token_hex(32))
    start.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    start.address = address
    yield start
    for node in nodes.values():
        kill_session(node.pid)
        node.wait()


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_a_node_lost_in_the_middle(written, undisturbed, run, cluster, injected, tmp_path):
    two = ["learning-loss", "consistency-diversity"]
    file = written(strategies=two, seeds=[0], full_data=False, recipe={"iterations": ITERATIONS})
    folder, pictures = tmp_path / "out", []
    cluster("node-a")
    lost = cluster("node-b")
    with injected("loss of a node of two, Ray") as row:
        command = run(
            file, folder, "--engine", "ray", cold=True, RAY_ADDRESS=cluster.address, **cluster.environment
        )
        assert command.until(lambda: trains_on(folder, "node-a") and trains_on(folder, "node-b")), (
            command.said
        )
        pictures.append(status_table(folder))
        row.lost += len(trains_on(folder, "node-b"))
        assert begun(folder)
        kill_session(lost.pid)
        struck = time.monotonic()
        command.until(lambda: "its process was lost" in command.said)
        pictures.append(status_table(folder))
        row.seconds.append(time.monotonic() - struck)
        assert command.code() == 0, command.said
        pictures.append(status_table(folder))
        assert_same(folder, undisturbed(file))
    if place := os.environ.get(PICTURES):
        Path(place).write_text("\n\n".join([*pictures, command.said]) + "\n", encoding="utf-8")
    assert "try 2 of 4 follows" in command.said
    assert "lost" not in pictures[1]


def trains_on(folder, name):
    """Trajectories, not round 0s, that are at work on a node."""
    return [sign for sign in signs(folder) if sign.host == name and sign.round > 0]
