"""What there is, by name."""

from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.experiment.catalogue import (
    OWN_FAMILY,
    family_of,
    known_dataset,
    open_dataset,
    preset_file,
    presets,
    sizes_of,
)
from benchmark.plugins import DATASETS, NETWORKS


@pytest.mark.parametrize("name", sorted(DATASETS.entries))
def test_every_data_set_has_its_opener(name):
    assert callable(DATASETS.entries[name].thing)
    assert known_dataset(name) == name
    assert preset_file(name, "quick").is_file()  # the size that `mtal run` takes by itself


@pytest.mark.parametrize("name", ["rooms", "rooms-longtail", "rooms-video"])
def test_variants_share_the_presets_of_their_family(name):
    assert preset_file(name, "quick").stem == "rooms-quick"


def test_a_data_set_s_own_preset_comes_before_its_family_s():
    assert preset_file("rooms-video", "standard").stem == "rooms-video-standard"
    assert preset_file("rooms-longtail", "standard").stem == "rooms-standard"
    assert sizes_of("rooms-video", "rooms") == ["paper", "quick", "standard"]
    assert sizes_of("rooms") == ["paper", "quick", "standard"]  # video-standard is no size


def test_every_network_has_its_class():
    from torch import nn

    assert all(issubclass(entry.thing, nn.Module) for entry in NETWORKS.entries.values())


@pytest.mark.parametrize("suffix", ["yaml", "yml", "YAML"])
def test_a_yaml_file_is_a_data_set_of_ones_own(tmp_path, suffix):
    file = tmp_path / f"own.{suffix}"
    with pytest.raises(ValueError, match="there is no file"):
        known_dataset(str(file))
    file.write_text("")
    assert known_dataset(str(file)) == str(file)
    assert family_of(str(file)) == OWN_FAMILY
    assert preset_file(str(file), "quick").stem == "folder-quick"


@pytest.mark.parametrize("name", ["", "Rooms", "room", "/", ".", "rooms.txt", "a\x00b", "../rooms"])
def test_another_name_is_refused_with_what_there_is(name):
    for attempt in (lambda: open_dataset(name, {}), lambda: preset_file(name, "quick")):
        with pytest.raises(UserError) as caught:
            attempt()
        assert str(caught.value).startswith("dataset: there is no data set ")
        assert all(there in str(caught.value) for there in DATASETS.entries)


def test_a_folder_is_no_data_set(tmp_path):
    with pytest.raises(ValueError, match="the path of a YAML file that describes your own"):
        known_dataset(str(tmp_path))


@pytest.mark.parametrize("preset", ["huge", "", "../rooms-quick", "rooms-quick"])
def test_an_unknown_preset_lists_those_of_the_data_set(preset):
    with pytest.raises(UserError, match=r"for rooms-video; there is: .*quick") as caught:
        preset_file("rooms-video", preset)
    assert "folder" not in str(caught.value)


def test_presets_are_files_of_families():
    families = {*(entry.family for entry in DATASETS.entries.values()), OWN_FAMILY}
    assert presets() == sorted(presets())
    assert all(any(name.startswith(f"{family}-") for family in families) for name in presets())


def test_options_of_a_data_set_are_checked():
    with pytest.raises(
        UserError, match=r"options of rooms \(data\): there is no field pol; did you mean pool\?"
    ):
        open_dataset("rooms", {"pol": 5})
    with pytest.raises(UserError, match=r"data\.variant"):
        open_dataset("rooms", {"variant": "rooms-video"})


def test_a_data_root_that_is_missing_is_named(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("name: own\n")
    with pytest.raises(UserError, match="own"):
        open_dataset(str(own), {}, Path("nowhere"))
    with pytest.raises(UserError, match=r"own.yaml \(data\): there is no field pol; did you mean pool\?"):
        open_dataset(str(own), {"pol": 5})
