"""Documents, and the published results that they speak of."""

from functools import cache
from pathlib import Path

from benchmark.experiment.catalogue import open_dataset
from benchmark.report.compare import document, pairs
from benchmark.report.dataset_results import DatasetResults
from benchmark.report.results.archives import unpacked
from benchmark.report.results.study import read_study
from benchmark.report.selections.chosen_labels import chosen_labels
from benchmark.report.selections.image_labels import image_facts
from benchmark.report.statistics.intervals import t_interval
from benchmark.report.validity.preset_criteria import criteria, gate_text, measured

DOCS = Path(__file__).parents[2] / "docs"
#: The improved form of the method that docs/study.md declares.
DECLARED = "consistency-diversity[select=cover,weighting=none]"
RARE = "semseg (% of images with a rare class)"


def one_line(document):
    """The whole of a document of docs/ as one line."""
    return " ".join((DOCS / document).read_text().split())


@cache
def published(archive):
    """The study in an archive below docs/study; nobody changes it."""
    with unpacked(DOCS / "study" / archive) as folder:
        return read_study(folder)


def difference(archive, strategy, against="random"):
    """What ``mtal compare`` says of a pair."""
    return document(pairs(published(f"{archive}.zip").results, strategy, against))["datasets"][0]


def judged(study, dataset):
    """Which of the six criteria of a gate its rows of random meet, and what the gate says, as one line."""
    found = measured(DatasetResults(study.only(["random"]), dataset))
    every = tuple(criteria(found))
    return [criterion.met for criterion in every], " ".join(gate_text(found, every).split())


def spreads(study, root=None, file=None):
    """What ``mtal chosen`` says of a strategy's column, to so many places.

    The data are rendered again, or read from a folder, which a file of own data describes.
    """
    ran = study.sources[0].experiment
    opened = open_dataset(file or ran["dataset"], ran["data"], root)
    assert study.sources[0].environment["data"]["digest"] == opened.digest
    chosen = chosen_labels(study.rounds, image_facts(opened)).groupby("strategy")

    def spread(name, column, places):
        mean, _, high = t_interval(chosen.get_group(name)[column].tolist())
        return f"{mean:.{places}f} ± {high - mean:.{places}f}"

    return spread


def means(spread):
    """The same as of ``spreads``, without the half-widths."""
    return lambda name, column, places: spread(name, column, places).partition(" ")[0]
