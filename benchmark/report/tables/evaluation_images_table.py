"""How far results are of these validation images: standard errors over images beside those over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

import pandas as pd

from benchmark.report.formats.files import table_files
from benchmark.report.formats.numbers import decimals
from benchmark.report.formats.table import MISSING, Cell, Table, fewer_seeds
from benchmark.report.results.load import Results
from benchmark.report.results.random_draws import RANDOM
from benchmark.report.results.study import Study
from benchmark.report.statistics.dataset_statistics import DatasetStatistics, all_evidence
from benchmark.report.statistics.evaluation_images import ImageError

HEADS = ("NAUBC", "SE images", "minus random", "SE seeds", "SE images", "95 % over both")
#: What the numbers of a pair are called for machines.
PARTS = ("seeds", "mean", "over_seeds", "over_images", "low", "high")


def render(study: Study) -> dict[str, bytes]:
    """The files of the table by their path; none where no losses of single images are kept."""
    found = _with_images(study.results)
    if not found:
        return {}
    tables = [make_table(one).named(study.results.label_in(one.dataset)) for one in found]
    return table_files("evaluation_images", pd.concat(map(numbers, found), ignore_index=True), tables)


def notes(study: Study) -> Iterator[str]:
    """A paragraph a data set, below the main table."""
    yield from (f"{found.dataset}: {image_words(found)}" for found in _with_images(study.results))


def make_table(found: DatasetStatistics) -> Table:
    """The table of one data set, in the order of the headline."""
    ranked, references = found.order
    rows = {name: _row(found, name) for name in (*ranked, *references)}
    return Table(
        heads=HEADS,
        rows=[(name, rows[name]) for name in ranked if rows[name]],
        references=[(name, rows[name]) for name in references if rows[name]],
        caption=(
            f"{found.dataset}: NAUBC of the total loss and its paired difference to random, with standard "
            f"errors (SE) over other validation images ({found.image_areas.images} here) and other seeds, "
            "and the 95 % interval over both."
        ),
        notes=[
            "By mean squares of seeds and images as crossed random factors; images count as independent, so "
            "where many show one scene errors are larger. No test uses it: tests and other intervals are "
            "over seeds, on these images."
        ],
    )


def numbers(found: DatasetStatistics) -> pd.DataFrame:
    """The same for machines: a row a strategy that has losses of single images."""
    areas = found.image_areas
    rows = []
    for name in (name for part in found.order for name in part):
        if own := areas.of(name):
            head = {"dataset": found.dataset, "strategy": name, "images": own.images}
            rows.append(head | _columns("naubc", own) | _columns("minus_random", _minus_random(found, name)))
    return pd.DataFrame(rows)


def image_words(found: DatasetStatistics) -> str:
    """What other validation images would change; empty where nothing says it."""
    errors = [one for name in found.order[0] if (one := found.image_areas.of(name))]
    if not errors:
        return ""
    differences = [one for name in found.order[0] if (one := _minus_random(found, name))]
    said = [f"the standard error over images of a NAUBC is {_span(found, errors, _over_images)}"]
    if differences:
        said.append(f"of a difference to random {_span(found, differences, _over_images)}")
        if not all(math.isnan(one.over_seeds) for one in differences):
            said[-1] += f", beside {_span(found, differences, _over_seeds)} over seeds"
    return (
        f"Intervals and tests are over seeds, on these {found.image_areas.images} validation images. For "
        f"others, {'; '.join(said)} (table of evaluation images)."
    )


def _with_images(results: Results) -> list[DatasetStatistics]:
    if not results.image_totals:
        return []
    every = [found for found in all_evidence(results) if found.budgets]
    return [found for found in every if any(map(found.image_areas.of, found.order[0]))]


def _minus_random(found: DatasetStatistics, name: str) -> ImageError | None:
    return None if name == RANDOM else found.image_areas.difference(name, RANDOM)


def _row(found: DatasetStatistics, name: str) -> list[Cell]:
    own, other, places = found.image_areas.of(name), _minus_random(found, name), _places(found)
    if own is None:
        return []
    cells = [
        Cell(f"{own.mean:.{places - 1}f}", seeds=_count(found, own)),
        Cell(f"{own.over_images:.{places}f}"),
    ]
    if other is None:
        return cells + [Cell("" if name == RANDOM else MISSING)] * 4
    interval = f"{other.low:+.{places}f} to {other.high:+.{places}f}"
    return [
        *cells,
        Cell(f"{other.mean:+.{places}f}", seeds=_count(found, other)),
        Cell(MISSING if math.isnan(other.over_seeds) else f"{other.over_seeds:.{places}f}"),
        Cell(f"{other.over_images:.{places}f}"),
        Cell(MISSING if math.isnan(other.low) else interval),
    ]


def _count(found: DatasetStatistics, one: ImageError) -> str:
    return fewer_seeds(one.seeds, len(found.seeds))


def _places(found: DatasetStatistics) -> int:
    """One more than of a loss: standard errors are a small part of it."""
    return decimals(float(found.naubc["naubc"].abs().max())) + 1


def _over_images(one: ImageError) -> float:
    return one.over_images


def _over_seeds(one: ImageError) -> float:
    return one.over_seeds


def _span(found: DatasetStatistics, errors: Sequence[ImageError], part: Callable[[ImageError], float]) -> str:
    values = sorted({f"{part(one):.{_places(found)}f}" for one in errors if not math.isnan(part(one))})
    return values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}"


def _columns(name: str, one: ImageError | None) -> dict[str, float | None]:
    said = asdict(one) if one else {}
    return {f"{name}_{part}": said.get(part) for part in PARTS}
