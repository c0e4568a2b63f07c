"""Delta MTL: how far a network is from the one trained on everything, over tasks (Maninis et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from benchmark.report.results.load import FULL_DATA
from benchmark.report.results.metrics import PLAIN, Metrics

SIGN = {"lower": -1, "higher": 1}
KEY = ["dataset", "seed", "task"]


def delta_mtl(rows: pd.DataFrame, headlines: Mapping[str, str], metrics: Metrics = PLAIN) -> pd.DataFrame:
    """Relative difference to the full-data network of the same seed, in %, positive is better.

    ``headlines`` names one metric per task. One row per data set, strategy, seed, budget and task, and the
    mean over tasks as task ``mean``; a task without a value for either network makes the mean missing, since
    a mean over other tasks does not compare. It is missing too where the full-data network has 0: nothing is
    relative to that.

    Raises ValueError for a metric of which nobody knows which way is better.
    """
    signs = {task: _sign(name, metrics) for task, name in headlines.items()}
    named = rows[rows["metric"] == rows["task"].map(headlines)]
    full = named[named["strategy"] == FULL_DATA].set_index(KEY)["value"].rename("full")
    full = full.where(full != 0)
    each = named[named["strategy"] != FULL_DATA].join(full, on=KEY)
    better = each["task"].map(signs).astype(float)
    each = each.assign(value=100 * better * (each["value"] / each["full"] - 1))
    columns = ["dataset", "strategy", "seed", "labelled", "share", "task", "value"]
    mean = each.groupby(columns[:-2])["value"].agg(lambda values: values.mean(skipna=False)).reset_index()
    return pd.concat([each[columns], mean.assign(task="mean")[columns]], ignore_index=True)


def _sign(name: str, metrics: Metrics) -> int:
    better = metrics[name].better
    if better is None:
        raise ValueError(f"whether more or less of the metric {name!r} is better is not known")
    return SIGN[better]
