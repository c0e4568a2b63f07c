"""As much of SLURM as submitit needs, on this machine: sbatch, srun and the like by the name it has.

State is in the folder FAKE_SLURM: a file per job, or task of an array, whose content is its state.
``python fake_slurm.py install BIN`` writes the programs into a folder, which is then to be on the PATH.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["FAKE_SLURM"])
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
PROGRAMS = ("sbatch", "srun", "squeue", "scontrol", "scancel")


def install(folder):
    for program in (Path(folder) / name for name in PROGRAMS):
        program.write_text(f"#!{sys.executable}\n__file__ = {__file__!r}\nexec(open(__file__).read())\n")
        program.chmod(0o755)


def sbatch(file):
    options = dict(re.findall(r"^#SBATCH --([\w-]+)=(\S+)", Path(file).read_text(), re.MULTILINE))
    number = str(len(list(HOME.glob("*.sh"))) + 1)
    (HOME / f"{number}.sh").write_text(Path(file).read_text())
    last = re.match(r"0-(\d+)", options.get("array", ""))
    for task in range(int(last[1]) + 1) if last else [None]:
        name = number if task is None else f"{number}_{task}"
        (HOME / name).write_text("PENDING")
        command = [sys.executable, __file__, "run", name, file, options.get("dependency", "")]
        subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    print(f"Submitted batch job {number}")


def run(name, file, dependency):
    needed = dependency.removeprefix("afterok:")
    while needed and (HOME / needed).read_text() not in ENDED:
        time.sleep(0.1)
    if needed and (HOME / needed).read_text() != "COMPLETED":
        (HOME / name).write_text("CANCELLED")
        return
    number, _, task = name.partition("_")
    places = {"SLURM_JOB_ID": number, "SLURM_JOB_NODELIST": "here", "SLURM_NTASKS": "1"}
    places |= dict.fromkeys(("SLURM_NODEID", "SLURM_PROCID", "SLURM_LOCALID"), "0")
    places |= {"SLURM_ARRAY_JOB_ID": number, "SLURM_ARRAY_TASK_ID": task} if task else {}
    while (HOME / name).read_text() == "PENDING":  # again, if it has been put into the queue again
        (HOME / name).write_text("RUNNING")
        done = subprocess.run(["bash", file], env={**os.environ, **places}, start_new_session=True)
        if (HOME / name).read_text() == "RUNNING":
            (HOME / name).write_text("FAILED" if done.returncode else "COMPLETED")


def srun(*arguments):
    words = list(arguments)
    while words[0].startswith("--"):
        words = words[2:] if words[0] in ("--output", "--error") else words[1:]
    os.execv(words[0], words)


def squeue(*_):
    for file in sorted(HOME.iterdir()):
        if re.fullmatch(r"\d+(_\d+)?", file.name):
            print(f"{file.name}|{file.read_text()}|here")


def scontrol(_, name):
    (HOME / name).write_text("PENDING")


def scancel(name):
    (HOME / name).write_text("CANCELLED")


if __name__ == "__main__":
    if Path(sys.argv[0]).name == "fake_slurm.py":
        {"run": run, "install": install}[sys.argv[1]](*sys.argv[2:])
    else:
        programs = dict(zip(PROGRAMS, (sbatch, srun, squeue, scontrol, scancel), strict=True))
        programs[Path(sys.argv[0]).name](*sys.argv[1:])
