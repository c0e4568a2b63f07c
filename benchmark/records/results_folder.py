"""A folder of results: who holds it, what it agrees on, and the experiment and environment written there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmark.errors import BusyError, UserError
from benchmark.experiment.config import Experiment, NetworkConfig, validated
from benchmark.experiment.paths import read_experiment, seen_from, without_files
from benchmark.experiment.planned import check_plan, plan_of
from benchmark.plugins import BACKBONES, NETWORKS, plain_name
from benchmark.records.kept_plan import keep_plan
from benchmark.records.round_store import PLAN, to_json, write_atomically
from benchmark.untrusted_files import read_fields, read_json
from strategies.registry import RegistryError, resolve

if TYPE_CHECKING:
    from benchmark.protocol.bench import Bench
    from benchmark.records.round_store import Store

LOCK, A_LOOK = ".lock", 0.5  # seconds that somebody may take to ask whether a folder is held


EXPERIMENT, ENVIRONMENT = "experiment.yaml", "environment.json"
SWEEP = "sweep.yaml"  # of a folder of such folders


Difference = tuple[str, Any, Any]  # a field, its value there and now
#: What results in one folder must agree on, for numbers to be comparable.
FIXED = (
    "data",
    "development",
    "oracle_split",
    "task_weights",
    "tasks",
    "costs",
    "cost_columns",
    "first_labels",
    "network",
    "recipe",
    "budgets",
)


def write_results(store: Store) -> None:
    """Derive ``results.csv``, one process at a time: the last one has read what all have stored."""
    with results_held(store.root):
        store.write_results()


@contextmanager
def results_held(out: Path) -> Iterator[None]:
    """Hold what several jobs of a folder write, for a moment; waits for others."""
    from filelock import FileLock

    with FileLock(out / ".results.lock", fallback_to_soft=False):
        yield


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold a folder of results for one run. Raises BusyError when another run does."""
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / LOCK, timeout=A_LOOK, fallback_to_soft=False):
            yield
    except Timeout:
        raise BusyError(f"{out} is in use by another process: wait for it, or give another --out.") from None


def is_held(out: Path) -> bool:
    """Whether a run holds the folder now; asked by a shared lock, which lasts no longer than the question."""
    import fcntl

    if not (out / LOCK).is_file():
        return False
    with (out / LOCK).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def check_agreement(experiment: Experiment, out: Path) -> None:
    """Refuse a folder whose results were computed with other settings; strategies and seeds may be added.

    The folder of a sweep is refused too: what reads it looks at its variants alone.
    """
    if (out / SWEEP).is_file():
        raise UserError(f"{out} holds a sweep: give another --out for a single study.")
    file = out / EXPERIMENT
    if not file.is_file():
        return
    # Their code and their data have digests of their own, wherever they lie now.
    elsewhere = {"strategies": experiment.strategies, "dataset": experiment.dataset}
    fields = read_experiment(file) | elsewhere
    fields["network"], others = _where_it_is_now(fields.get("network"), experiment.network)
    # The file of another plug-in is not executed only to say so.
    found = others or _differences(_settings(validated(fields, str(file))), _settings(experiment))
    differences = [
        f"{path}: {before!r} there, {now!r} now" for path, before, now in found if path.split(".")[0] in FIXED
    ]
    if differences:
        raise UserError(
            f"{out} holds results of another experiment ({'; '.join(differences)}): give another --out, or "
            "the same settings."
        )


def _where_it_is_now(stored: Any, network: NetworkConfig) -> tuple[Any, list[Difference]]:
    """Stored fields with this network's plug-ins, whose files may have moved; and what is another file."""
    changed, others = dict(stored) if isinstance(stored, Mapping) else {}, list[Difference]()
    for part, now in (("name", network.name), ("backbone", network.backbone)):
        before = str(changed.get(part, ""))
        if plain_name(before) == plain_name(now):
            changed[part] = now
        elif before != plain_name(before):
            others.append((f"network.{part}", before, now))
    return changed or stored or {}, others


def _settings(experiment: Experiment) -> dict[str, Any]:
    """Its fields, in which one file of weights has one path, whichever folder that was relative to, and an
    option of a plug-in that is its default is as one that is not given.
    """
    fields, network = experiment.model_dump(mode="json"), experiment.network
    fields["network"]["options"] = NETWORKS.values(network.name, network.options)
    fields["network"]["backbone_options"] = BACKBONES.values(network.backbone, network.backbone_options)
    weights = network.pretrained
    if isinstance(weights, Path):
        fields["network"]["pretrained"] = str(weights.absolute())
    return fields


def _differences(before: Any, now: Any, path: str = "") -> list[Difference]:
    if isinstance(before, dict | None) and isinstance(now, dict | None):
        before, now = before or {}, now or {}
        names = sorted({*before, *now})
        return [d for n in names for d in _differences(before.get(n), now.get(n), f"{path}.{n}".lstrip("."))]
    return [] if before == now else [(path, before, now)]


def write_head(experiment: Experiment, bench: Bench, out: Path, facts: Mapping[str, Any]) -> None:
    """Write ``experiment.yaml`` and ``environment.json``; ``facts`` of the machine go over this process's.

    The plan that the experiment names is kept there too. Raises UserError for a folder that holds results on
    other data, for a broken one, and for an experiment that contradicts its plan.
    """
    if (planned := plan_of(experiment)) is not None:
        check_plan(experiment, planned, bench.dataset.name)
    environment, before = {**_environment(experiment, bench), **facts}, read_environment(out)
    _refuse_other_data(out, before, bench)
    held = any(bench.store.rounds())  # the noise alone is no trajectory of a strategy
    if held:
        environment["strategies"] = before.get("strategies", {}) | environment["strategies"]
        environment = _with_earlier(before, environment)
    out.mkdir(parents=True, exist_ok=True)
    if planned is not None:
        keep_plan(planned, out, bench.store.rounds())
    fields = _fields_of_all(experiment, out, held)
    write_atomically(out / EXPERIMENT, yaml.safe_dump(fields, sort_keys=False).encode())
    write_atomically(out / ENVIRONMENT, to_json(environment))


def _with_earlier(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """With other machines and versions of the folder's rounds, which are kept, where there are any."""
    from benchmark.records.environment import earlier_machines, named_device

    named = {**now, "device": named_device(before.get("device"), now["device"])}
    found = earlier_machines(before, named)
    return named | ({"earlier": found} if found else {})


def _environment(experiment: Experiment, bench: Bench) -> dict[str, Any]:
    import torch

    from benchmark.records.environment import ARITHMETIC, describe

    described = describe(
        experiment.network,
        bench.normalisation,
        bench.dataset,
        experiment.every_strategy,
        bench.device,
        torch.get_num_threads(),
        bench.deterministic,
        bench.pretrained,
    )
    return {**described, "arithmetic": ARITHMETIC[experiment.recipe.precision]}


def _refuse_other_data(out: Path, before: Mapping[str, Any], bench: Bench) -> None:
    now = {"name": bench.dataset.name, "digest": bench.dataset.digest}
    if before and any(before["data"][field] != value for field, value in now.items()):
        raise UserError(
            f"{out} holds results on other data (the images or labels differ): give another --out."
        )


def _fields_of_all(experiment: Experiment, out: Path, held: bool) -> dict[str, Any]:
    """What the experiment's file says; of a folder that holds results it repeats all that they are of."""
    machine = {"feed", "device", "deterministic", "data_root", "checkpoint_minutes", "plan"}
    fields = seen_from(out, experiment.settings(without=machine))
    if held and (out / EXPERIMENT).is_file():
        stored = read_fields(out / EXPERIMENT)
        fields["seeds"] = list(dict.fromkeys([*stored["seeds"], *fields["seeds"]]))
        texts = [*stored["strategies"], *fields["strategies"]]
        fields["strategies"] = list({_name_of(text): text for text in texts}.values())
        fields["references"] = max(stored.get("references", 1), fields["references"])
    if (out / PLAN).is_file():
        fields["plan"] = PLAN
    return fields


def _name_of(strategy: str) -> str:
    """The name of its results, whichever file it is in: files of strategies that do not run now are not
    executed, and may have moved.
    """
    plain = without_files(strategy)
    try:
        return resolve(plain).name
    except RegistryError:
        return plain


def write_noise_head(bench: Bench, out: Path) -> None:
    """Write the head of a folder that holds none yet: the study that its noise is measured for.

    So the folder makes a report, and a run with other settings is refused there; one with other strategies or
    seeds takes their place.
    """
    if not (out / EXPERIMENT).is_file():
        write_head(bench.experiment, bench, out, {})
        write_results(bench.store)


def read_environment(out: Path) -> dict[str, Any]:
    """What a folder says of its data and strategies; empty if it holds none. Raises UserError if broken."""
    file = out / ENVIRONMENT
    if not file.is_file():
        return {}
    try:
        before = dict(read_json(file))
        before["strategies"] = dict(before.get("strategies", {}))
        before["data"] = {name: before["data"][name] for name in ("name", "digest")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is broken ({type(error).__name__}): remove it, and the run writes it again."
        ) from None
    return before
