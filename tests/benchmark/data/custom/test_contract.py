"""Every data set keeps the contract, and each clause refuses one that breaks it, in a sentence."""

from dataclasses import replace

import pytest
from changed_plugins import changed

from benchmark.data.custom.contract import CLAUSES, Probe
from benchmark.data.export import NYUD
from benchmark.errors import UserError
from benchmark.plugins import DATASETS
from strategies.registration import RegistryError

BY_NAME = {clause.__name__: clause for clause in CLAUSES}
EVERY_CLAUSE = pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)


class SmallRooms(Probe):
    """Rooms of a size that renders at once."""

    def opened(self, **options):
        return super().opened(**{"pool": 24, "val": 4, "height": 32, "width": 32} | options)


@EVERY_CLAUSE
@pytest.mark.parametrize("name", ["rooms", "rooms-longtail", "rooms-video"])
def test_every_rendered_data_set_keeps_it(name, clause):
    clause(SmallRooms(DATASETS.resolve(name)))


@EVERY_CLAUSE
@pytest.mark.parametrize("layout", NYUD)
def test_nyud_keeps_it_in_every_layout(exported, layout, clause):
    clause(Probe(DATASETS.resolve("nyud"), exported[layout]))


@EVERY_CLAUSE
def test_a_data_set_of_ones_own_keeps_it(probe, clause):
    clause(probe())


@pytest.fixture
def probe(tmp_path):
    """The data set of a file, as it is or with one part of it changed."""

    return lambda *change: Probe(DATASETS.resolve(f"{changed(tmp_path, *change)}:ramps"))


MADE = 'return Sample(image, {"near": depth} if position % 3 != 2 else {})'
BROKEN = [
    ("names_its_images", 'f"{part}-{index:03d}"', 'f"{index:03d}"', "is in train and in val"),
    (
        "names_its_images",
        'tuple(f"{part}-{index:03d}" for index in range(count))',
        'tuple(f"{part}-{index}-{id(self)}" for index in range(count))',
        "opened again, it has other ids",
    ),
    (
        "gives_samples_in_the_formats",
        MADE,
        "return Sample(image / 255, {'near': depth})",
        "is 32 x 40 x 3 float64, and should be H x W x 3 of uint8",
    ),
    (
        "gives_samples_in_the_formats",
        MADE,
        "return Sample(image, {'near': depth.astype(float)})",
        "its near label is 32 x 40 float64, and should be 32 x 40 of float32",
    ),
    (
        "gives_samples_in_the_formats",
        MADE,
        "return Sample(image, {'near': depth[:-1]})",
        "its near label is 31 x 40 float32, and should be 32 x 40",
    ),
    (
        "gives_samples_in_the_formats",
        MADE,
        "return Sample(image, {'near': depth / 0})",
        "holds infinite numbers, and should hold NaN",
    ),
    (
        "gives_samples_in_the_formats",
        MADE,
        "return Sample(image[position % 2 :], {'near': depth[position % 2 :]})",
        "images are of sizes",
    ),
    (
        "gives_samples_in_the_formats",
        MADE,
        "return Sample(image, {'near': depth, 'far': depth})",
        "has a label of 'far'",
    ),
    (
        "gives_samples_in_the_formats",
        MADE,
        "return Sample(image, {})",
        "no image has a near label, so that near cannot be learnt",
    ),
    (
        "gives_the_same_sample_again",
        "np.random.default_rng([position, self.part",
        "np.random.default_rng() if position else np.random.default_rng([position, self.part",
        "is another when it is asked for again",
    ),
    (
        "has_a_digest_of_its_content",
        'f"{count} {step}"',
        'f"{np.random.default_rng().random()}"',
        "another when the data set is opened",
    ),
    (
        "can_be_sent_to_a_process",
        "self.part, self.step = part, step",
        "self.part, self.step, self.name = part, step, lambda: 0",
        "train cannot be sent to another process",
    ),
    (
        "says_what_json_can_hold",
        '"ramps", source="me 2001"',
        '"ramps", source="me 2001", family="mine"',
        "there are no presets of the family 'mine'; there is: folder, nyud, pascal, rooms",
    ),
]


@pytest.mark.parametrize(("clause", "old", "new", "words"), BROKEN)
def test_a_broken_data_set_is_refused_by_the_clause(probe, clause, old, new, words):
    with pytest.raises(AssertionError, match=words):
        BY_NAME[clause](probe(old, new))


def test_a_digest_that_does_not_follow_the_content_is_refused(probe):
    """The benchmark adds options to every digest; without that it would be the author's to do."""
    whole = probe()

    class Bare(Probe):
        def opened(self, **options):
            return replace(super().opened(**options), digest="always the same")

    with pytest.raises(
        AssertionError, match=r"with {'count': 13} the content is other, and the digest is not"
    ):
        BY_NAME["has_a_digest_of_its_content"](Bare(whole.entry))
    BY_NAME["has_a_digest_of_its_content"](whole)


def test_what_is_no_data_set_is_refused_by_every_clause(probe):
    with pytest.raises(RegistryError, match="'ramps' makes RampsData, which has no digest"):
        CLAUSES[0](probe("self.digest = f", "self.dgest = f"))


def test_a_fact_that_json_cannot_hold_is_refused_by_every_clause(probe):
    with pytest.raises(RegistryError, match=r"'ramps' has the fact 'folder', {1, 2}, which JSON cannot hold"):
        CLAUSES[-1](probe('{"folder": str(folder)}', '{"folder": {1, 2}}'))


def test_a_label_that_is_no_array_is_named_with_its_image(probe):
    none = probe(MADE, 'return Sample(image, {"near": depth if position % 3 != 2 else None})')
    with pytest.raises(UserError, match=r"'train-002': its near label is NoneType, .*leave a missing label"):
        BY_NAME["gives_samples_in_the_formats"](none)


def test_every_clause_has_a_data_set_that_breaks_it():
    assert {clause for clause, *_ in BROKEN} == BY_NAME.keys()
