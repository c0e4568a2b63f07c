"""Weights & Biases: a run for each curve; ``WANDB_MODE=offline`` keeps them for a later ``wandb sync``.

``WANDB_PROJECT``, ``WANDB_ENTITY``, ``WANDB_DIR`` and its other variables are the library's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import wandb
from wandb import Run, Settings  # a folder of this name, which offline runs leave, is no library

from benchmark.errors import UserError
from benchmark.tracking.tracker import Curve

#: Seconds that the server may take to begin a run and at its end; what has not arrived is on disk.
PATIENCE = 30.0


class WeightsAndBiases:
    """Runs of one project, in one group. Raises UserError where runs need a log-in and there is none."""

    def __init__(self, out: Path, study: str) -> None:
        self._project = os.environ.get("WANDB_PROJECT", "mtal")
        self._group = study or out.name
        # It must neither take over the terminal nor show this process's load as a trajectory's.
        self._settings = Settings(
            console="off",
            silent=True,
            x_disable_stats=True,
            disable_code=True,
            init_timeout=PATIENCE,
            finish_timeout=PATIENCE,
            finish_timeout_raises=True,
        )
        self.place = f"Weights & Biases (project {self._project}, group {self._group})"
        _check_login()

    def begin(self, curve: Curve) -> Line:
        """Begin its run, or go on with it."""
        run = wandb.init(
            project=self._project,
            group=self._group,
            id=curve.id,
            name=curve.name,
            config=dict(curve.settings),
            resume="allow",
            reinit="create_new",  # several are open at once
            settings=self._settings,
        )
        run.define_metric("*", step_metric="labelled")
        return Line(run)


class Line:
    """The run of one curve; its steps are labelled images, so what is there already can be told."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next = run.starting_step

    def round(self, labelled: int, values: Mapping[str, float]) -> None:
        """Send a round, unless an earlier process did."""
        if labelled >= self._next:
            self._run.log({"labelled": labelled, **values}, step=labelled, commit=True)

    def end(self) -> None:
        """Wait until all has arrived. Raises TimeoutError."""
        self._run.finish()


def _check_login() -> None:
    """Asked for here, for a question in the middle of a run would be answered by nobody."""
    if wandb.setup().settings.mode in ("offline", "disabled"):
        return
    if not wandb.login(prompt=False, verify=False):  # whether it is right, its server says later
        raise UserError("--tracker wandb: run `wandb login` once, or set WANDB_MODE=offline.")
