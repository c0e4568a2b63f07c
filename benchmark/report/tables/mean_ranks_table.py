"""Mean ranks of strategies over several data sets."""

from __future__ import annotations

import math

import pandas as pd

from benchmark.report.formats.files import table_files
from benchmark.report.formats.table import Cell, Table
from benchmark.report.results.study import Study
from benchmark.report.statistics.dataset_statistics import DatasetStatistics, evidence, ranked_areas
from benchmark.report.statistics.over_datasets.rank_tests import Ranks, ranks_over


def ranks_of(study: Study) -> Ranks | None:
    """Ranks by NAUBC; None with fewer than six data sets or three strategies, which say nothing.

    Strategies that are not shown are ranked with the others: a rank is one among all that were run.
    """
    whole = study.results.whole
    values = pd.DataFrame({name: _areas(evidence(whole, name)) for name in whole.datasets}).T
    found = ranks_over(values[sorted(values)])
    return None if math.isnan(found.critical) else found.shown(study.results.strategies)


def _areas(found: DatasetStatistics) -> pd.Series:
    """The mean NAUBC of each strategy, over the seeds that all of them have: others do not compare."""
    areas = ranked_areas(found)
    return areas.pivot_table(index="seed", columns="strategy", values="value").dropna().mean()


def caption(found: Ranks) -> str:
    """What the ranks are of, and what may be said of them."""
    return (
        f"Mean ranks by NAUBC among {found.ranked} strategies over {found.blocks} data sets, 1 is best. "
        f"Friedman test: p = {found.p:.3g}; "
        f"ranks nearer than the critical difference of {found.critical:.2f} (Nemenyi, 5 %) are joined."
    )


def render(study: Study) -> dict[str, bytes]:
    """The files of the table by their path within the folder of the report."""
    found = ranks_of(study)
    if found is None:
        return {}
    return table_files("mean_ranks", numbers(found), [make_table(found).named(study.results.label)])


def numbers(found: Ranks) -> pd.DataFrame:
    """One row per strategy: its mean rank, and the groups it does not differ within, by their number."""
    groups = {
        name: " ".join(str(place) for place, clique in enumerate(found.cliques, start=1) if name in clique)
        for name in found.mean.index
    }
    table = {
        "strategy": found.mean.index,
        "mean_rank": found.mean.to_numpy(),
        "groups": list(groups.values()),
    }
    return pd.DataFrame(table).assign(blocks=found.blocks, p=found.p, critical_difference=found.critical)


def make_table(found: Ranks) -> Table:
    """The table of the ranks, the best strategy first."""
    rows = numbers(found).to_dict("records")
    return Table(
        heads=["mean rank", "groups"],
        rows=[(str(row["strategy"]), [Cell(f"{row['mean_rank']:.2f}"), Cell(row["groups"])]) for row in rows],
        references=[],
        caption=caption(found),
        notes=["Strategies of one group are not shown to differ."],
    )
