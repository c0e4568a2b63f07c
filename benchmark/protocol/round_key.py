"""The key of a round: the digest that decides whether a stored round still holds or is computed again.

Whatever could change a number of the round enters it, and nothing else: a name, a folder, a device's number
or a word in a docstring undoes no study.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.experiment.config import NetworkConfig
from benchmark.plugins import BACKBONES, NETWORKS
from benchmark.protocol.bench import Bench
from benchmark.records.round_store import digest_of
from benchmark.tasks import BUILT_IN, is_by_name
from benchmark.tasks.task import Task
from strategies.interface import Scores


def key_of(
    bench: Bench,
    strategy: str,
    seed: int,
    number: int,
    labelled: list[str],
    weights: Scores | None,
    labels: Sequence[Sequence[str]] | None = None,
    costs: str | None = None,
) -> str:
    """Digest of all that could change a round's numbers; ``strategy`` may carry its file's digest.

    ``labels`` are the tasks of which each labelled image has the label, if not all, and ``costs`` the digest
    of prices that are not all the same. Both are left out where there are none: earlier studies had none.
    """
    bought = {"labels": labels} if labels is not None else {}
    priced = {"costs": costs} if costs is not None else {}
    experiment = bench.experiment
    return digest_of(
        {
            "data": [bench.dataset.name, bench.dataset.key],
            "tasks": {task.name: _task(task) for task in bench.dataset.tasks},
            "network": _network(experiment.network),
            "pretrained": next(iter(bench.pretrained.values()), None),
            "normalisation": [bench.normalisation.mean, bench.normalisation.spread],
            "recipe": experiment.recipe.settings(),
            # This round's budget and the next one's, which its selection depends on: budgets added later
            # undo nothing.
            "counts": bench.counts[: number + 2],
            "strategy": strategy,
            "seed": seed,
            "round": number,
            "labelled": labelled,
            "weights": None if weights is None else weights.tolist(),
            **bought,
            **priced,
        }
    )


def _task(task: Task) -> list[Any]:
    """Its settings, and the code of one that is not built in, or which built-in one has another name here."""
    settings = [task.weight, task.options.model_dump(mode="json")]
    return settings + ([task.code] if task.code else _other_name(task))


def _other_name(task: Task) -> list[str]:
    """Nothing where its own name and kind say what it is: such rounds keep the keys that they had."""
    if is_by_name(task):
        return []
    return [name for name, built_in in BUILT_IN.items() if built_in is type(task)]


def _network(config: NetworkConfig) -> dict[str, Any]:
    """Its settings; files of weights and of plug-ins are known by digests, and may be moved.

    Options are left out where there are none: networks of before had none. So is where maps come from, which
    changes no number.
    """
    own = {
        "options": NETWORKS.values(config.name, config.options),
        "backbone_options": BACKBONES.values(config.backbone, config.backbone_options),
    }
    named = {"name": NETWORKS.code(config.name), "backbone": BACKBONES.code(config.backbone)}
    settings = config.settings(without={*own, "maps"}) | {"pretrained": bool(config.pretrained)}
    return settings | named | {name: values for name, values in own.items() if values}
