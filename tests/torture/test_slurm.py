"""SLURM ends jobs when their time is over, or kills or loses them: they go on, to the same numbers.

SLURM itself, one node of it, where its programs are installed and root may start them (on Debian:
``apt-get install slurmctld slurmd slurm-client``); and the tests' own stand-in for it anywhere.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from harness import ROOT, assert_same, begun, wait_for

from benchmark.records.heartbeat import read_sign

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("submitit") is None, reason="the engine needs the extra `slurm`"),
]
SOON = 30.0  # seconds within which a signal ends a job
STAND_IN = ROOT / "tests/benchmark/execution/slurm/fake_slurm.py"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "srun", "squeue")
#: No accounting, as on many small clusters. A job that is put into the queue again waits there for minutes.
CONFIGURATION = """
ClusterName=small
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmctldPidFile={folder}/control.pid
SlurmdPidFile={folder}/node.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm_itself(tmp_path):
    """A controller and a node; what makes them the ones that commands find."""
    if os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)):
        pytest.skip("no SLURM can be started here: it takes root, and slurmctld, slurmd and its commands")
    folder = tmp_path / "slurm"
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    control, node = free_ports()
    places = {"host": socket.gethostname(), "folder": folder, "control": control, "node": node}
    (folder / "slurm.conf").write_text(CONFIGURATION.format(**places, cores=os.cpu_count()))
    environment = {"SLURM_CONF": str(folder / "slurm.conf")}
    daemons = []
    for name in ("slurmctld", "slurmd"):
        log = (folder / f"{name}.log").open("w")
        daemons.append(subprocess.Popen([name, "-D"], env=os.environ | environment, stdout=log, stderr=log))
    idle = ["sinfo", "--noheader", "--states", "idle", "--format", "%D"]
    wait_for(lambda: subprocess.run(idle, env=os.environ | environment, capture_output=True).stdout.strip())
    yield environment
    subprocess.run(["scancel", "--user", "root"], env=os.environ | environment, check=False)
    for daemon in reversed(daemons):
        daemon.terminate()
        daemon.wait(60)


def free_ports():
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def stand_in(tmp_path):
    """What makes a small SLURM of the tests' own the one that commands find."""
    programs, home = tmp_path / "bin", tmp_path / "state"
    programs.mkdir()
    home.mkdir()
    environment = {"FAKE_SLURM": str(home), "PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run([sys.executable, STAND_IN, "install", programs], env=os.environ | environment, check=True)
    return environment


@pytest.fixture(params=["slurm_itself", "stand_in"])
def slurm(request):
    """Each of the two, and what the table calls it."""
    name = {"slurm_itself": "SLURM", "stand_in": "a stand-in for SLURM"}[request.param]
    return request.getfixturevalue(request.param), name


@pytest.fixture
def strike(injected):
    """Strikes a job at work; its folder says when another process goes on with it."""

    def once(command, folder, home, number, row):
        job = folder / "rooms" / home / "seed-0"
        sign, struck = command.until(lambda: read_sign(job)), time.monotonic()
        row.lost += begun(folder)
        os.kill(sign.pid, number)
        command.until(lambda: sign.lost)
        assert time.monotonic() - struck < SOON
        command.until(lambda: (now := read_sign(job)) and now.pid != sign.pid)
        row.seconds.append(time.monotonic() - struck)

    return once


@pytest.mark.parametrize(
    ("fault", "numbers"),
    [
        ("SIGUSR1 and SIGUSR2 to a job of {}, whose time is over", (signal.SIGUSR1, signal.SIGUSR2)),
        ("SIGKILL of a job of {}", (signal.SIGKILL, signal.SIGKILL)),
    ],
)
def test_a_struck_job_goes_on(written, undisturbed, run, slurm, strike, injected, tmp_path, fault, numbers):
    """A round 0 and then a trajectory that waits for it."""
    file = written(strategies=["learning-loss"], seeds=[0], full_data=False, recipe={"iterations": 300})
    folder, (environment, name) = tmp_path / "out", slurm
    with injected(fault.format(name), 2) as row:
        command = run(file, folder, "--engine", "slurm", cold=True, **environment)
        for home, number in zip(("round-0", "learning-loss"), numbers, strict=True):
            strike(command, folder, home, number, row)
        assert command.code() == 0, command.said
        assert_same(folder, undisturbed(file))
