"""MLflow: a run for each curve, on the server, or in the file, that ``MLFLOW_TRACKING_URI`` names."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from benchmark.tracking.tracker import Curve, flat

#: By which a run is found again.
TAG = "mtal.curve"
#: What every round has.
LOSS = "total/loss"
#: MLflow's own bounds: parameters in one request, letters of a name and of a value.
AT_ONCE, NAME, VALUE = 100, 250, 500
#: What a name of MLflow must not hold.
FOREIGN = re.compile(r"[^\w\-. /]")


class MLflow:
    """Runs of one experiment, which ``MLFLOW_EXPERIMENT_NAME`` may name."""

    def __init__(self, out: Path, study: str) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it would talk into the progress bar
        self._experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", study or out.name)
        self.place = f"MLflow (experiment {self._experiment} at {mlflow.get_tracking_uri()})"

    def begin(self, curve: Curve) -> Steps:
        """Begin its run, or go on with the one that has its tag."""
        client = MlflowClient()
        there = client.get_experiment_by_name(self._experiment)
        experiment = there.experiment_id if there else client.create_experiment(self._experiment)
        found = client.search_runs([experiment], f"tags.`{TAG}` = '{curve.id}'", max_results=1)
        if not found:
            return Steps(client, _created(client, experiment, curve), set())
        run = str(found[0].info.run_id)
        client.update_run(run, status="RUNNING")
        return Steps(client, run, {metric.step for metric in client.get_metric_history(run, LOSS)})


class Steps:
    """The run of one curve; its steps are labelled images."""

    def __init__(self, client: MlflowClient, run: str, sent: set[int]) -> None:
        self._client, self._run, self._sent = client, run, sent

    def round(self, labelled: int, values: Mapping[str, float]) -> None:
        """Send a round in one request, unless an earlier process did."""
        if labelled not in self._sent:
            now = int(1000 * time.time())
            metrics = [Metric(_plain(name), value, now, labelled) for name, value in values.items()]
            self._client.log_batch(self._run, metrics=metrics)

    def end(self) -> None:
        """Say that it is finished."""
        self._client.set_terminated(self._run)


def _created(client: MlflowClient, experiment: str, curve: Curve) -> str:
    run = str(client.create_run(experiment, tags={TAG: curve.id}, run_name=curve.name).info.run_id)
    settings = [Param(_plain(name), str(value)[:VALUE]) for name, value in flat(curve.settings).items()]
    for start in range(0, len(settings), AT_ONCE):
        client.log_batch(run, params=settings[start : start + AT_ONCE])
    return run


def _plain(name: str) -> str:
    return FOREIGN.sub("_", name)[:NAME]
