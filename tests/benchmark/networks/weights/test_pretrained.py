"""Pre-trained weights: all tensors of the backbone or a refusal, and never a pickled object."""

import pickle
from pathlib import Path

import pytest
import timm
import timm.models._builder
import torch
from safetensors.torch import save_file
from torch import nn

from benchmark.errors import UserError
from benchmark.experiment.config import WEIGHT_FILES, NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbones.by_name import make_backbone
from benchmark.networks.weights.pretrained import read_weights
from benchmark.tasks import make_task

TASKS = (make_task("semseg", classes=("a", "b", "c")), make_task("depth"))
NAMES = ("test_resnet", "test_convnext", "test_vit", "test_efficientnet")


def whole(name="test_resnet", seed=7, **options):
    """Weights of a whole model of timm, its classifier included."""
    torch.manual_seed(seed)
    model = timm.create_model(name, **options)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape))
    return model.state_dict()


@pytest.fixture
def saved(tmp_path):
    def save(content, name="weights.pth"):
        file = tmp_path / name
        (save_file if file.suffix == ".safetensors" else torch.save)(content, file)
        return file

    return save


def refusal(file, name="test_resnet"):
    before = nn.Module.load_state_dict
    with pytest.raises(UserError) as caught:
        make_backbone(name, file)
    assert nn.Module.load_state_dict is before
    message = str(caught.value)
    assert message.startswith("network.pretrained: ")
    assert message.endswith(".")
    assert "\n" not in message
    return message


def flat(state):
    """By name, whatever a wrapper for features made of it."""
    return {name.removeprefix("model.").replace(".", "_"): tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    ("name", "suffix"), [*((name, ".pth") for name in NAMES), *((NAMES[0], s) for s in WEIGHT_FILES[1:])]
)
def test_all_tensors_come_from_the_file(saved, name, suffix):
    weights = whole(name)
    file = saved(weights, f"w{suffix}")
    backbone = make_backbone(name, file, pyramid=True)
    model = getattr(backbone, "backbone", backbone).model
    given, own = flat(weights), flat(model.state_dict())
    assert all(torch.equal(tensor, given[name]) for name, tensor in own.items())
    counted = sum("num_batches_tracked" not in tensor for tensor in own)
    assert f"{name}: {counted} of {counted} backbone tensors loaded from {file} (sha256 " in backbone.loaded
    assert len(own) < len(given)
    assert "not part of the backbone: " in backbone.loaded


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: {"state_dict": w, "epoch": 3},
        lambda w: {"model": w},
        lambda w: {f"module.{name}": tensor for name, tensor in w.items()},
        lambda w: {"state_dict": {f"module.{name}": tensor for name, tensor in w.items()}},
        lambda w: {"teacher": {f"module.backbone.{name}": tensor for name, tensor in w.items()}},
    ],
    ids=["state_dict", "model", "module.", "both", "teacher"],
)
def test_checkpoints_come_wrapped_and_prefixed(saved, wrap):
    backbone = make_backbone("test_resnet", saved(wrap(whole())))
    plain = make_backbone("test_resnet", saved(whole()))
    assert all(
        torch.equal(a, b)
        for a, b in zip(backbone.state_dict().values(), plain.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("classes", [0, 21])
def test_the_classifier_does_not_matter(saved, classes):
    backbone = make_backbone("test_resnet", saved(whole(num_classes=classes)))
    assert backbone.loaded.endswith("; not part of the backbone: fc (2)")


def test_the_network_says_what_was_loaded_and_its_heads_stay_as_without(saved):
    def built(pretrained):
        torch.manual_seed(0)
        config = NetworkConfig(backbone="test_resnet", width=8, blocks=1, pretrained=pretrained)
        return build_network(config, TASKS)

    with_weights, without = built(saved(whole())), built(False)
    assert without.loaded == ""
    assert with_weights.loaded.startswith("test_resnet: ")
    for (name, a), b in zip(with_weights.named_parameters(), without.parameters(), strict=True):
        assert torch.equal(a, b) != name.startswith("backbone."), name


def test_nothing_holds_on_to_the_file(saved):
    backbone = make_backbone("test_vit", saved(whole("test_vit")))
    configs = [vars(m).get("pretrained_cfg") for m in backbone.modules()]
    assert not any(config and config.get("state_dict") for config in configs)


def test_a_missing_tensor_is_named(saved):
    weights = whole()
    del weights["layer1.0.conv1.weight"]
    message = refusal(saved(weights))
    assert "does not fit test_resnet: " in message
    assert message.endswith("backbone tensors match; layer1.0.conv1.weight is missing.")


def test_a_wrong_shape_is_named(saved):
    weights = whole()
    shape = " x ".join(map(str, weights["layer2.0.conv1.weight"].shape))
    weights["layer2.0.conv1.weight"] = torch.rand(3, 5, 1, 1)
    assert f"layer2.0.conv1.weight is 3 x 5 x 1 x 1 there and {shape} in the backbone." in refusal(
        saved(weights)
    )


@pytest.mark.parametrize("other", ["test_convnext", "test_vit", "resnet10t"])
def test_weights_of_another_model_are_refused(saved, other):
    message = refusal(saved(whole(other)))
    assert "does not fit test_resnet" in message
    assert " more." in message


def test_tensors_that_the_model_never_has_are_refused(saved):
    """Else the weights of a deeper model of the family would pass for those of a shallower one."""
    message = refusal(saved(whole() | {"layer1.7.conv1.weight": torch.rand(3)}))
    assert message.endswith("backbone tensors match; it has no layer1.7.conv1.weight.")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0, 0.1, 0.9])
def test_a_truncated_file_is_refused(saved, suffix, share):
    file = saved(whole(), f"w{suffix}")
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    assert str(file) in refusal(file)


class Harmful:
    """Leaves a file where it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


@pytest.mark.parametrize(
    "write", [torch.save, lambda content, file: file.write_bytes(pickle.dumps(content, 2))]
)
def test_code_in_a_file_is_refused_and_never_run(tmp_path, write):
    file, trace = tmp_path / "weights.pth", tmp_path / "trace"
    write({"state_dict": whole(), "optimiser": Harmful(trace)}, file)
    assert str(file) in refusal(file)
    assert not trace.exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"a": 1}, {"state_dict": {}}, torch.rand(3)])
def test_a_file_without_weights_is_refused(saved, content):
    assert "must hold named tensors" in refusal(saved(content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path / "none.pth") == f"network.pretrained: there is no file {tmp_path / 'none.pth'}."


def test_reading_gives_the_tensors(saved):
    weights = whole()
    read = read_weights(saved({"state_dict": {f"module.{n}": t for n, t in weights.items()}}))
    assert read.keys() == weights.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in weights.items())


# timm's own download


@pytest.fixture
def download(monkeypatch):
    """Replaces what reaches out to the network."""

    def replaced(give):
        monkeypatch.setattr(timm.models._builder, "load_state_dict_from_hf", lambda *_, **__: give())

    return replaced


def test_timms_own_weights_are_counted_too(download):
    weights = whole()
    download(lambda: dict(weights))
    backbone = make_backbone("test_resnet", pretrained=True)
    assert "backbone tensors loaded from timm's timm/test_resnet" in backbone.loaded
    assert torch.equal(backbone.model.state_dict()["conv1.0.weight"], weights["conv1.0.weight"])


def test_timms_own_weights_are_refused_too(download):
    weights = {name: tensor for name, tensor in whole().items() if not name.startswith("layer3")}
    download(lambda: dict(weights))
    message = refusal(True)
    assert "timm's timm/test_resnet" in message
    assert "layer3.0.conv1.weight is missing" in message


def test_a_machine_without_access_says_so(download):
    def fail():
        raise OSError("no route to host\nand many lines more")

    download(fail)
    message = refusal(True)
    assert "the weights of test_resnet (no route to host); give the machine access" in message


def test_a_model_without_weights_says_so(download):
    assert "No pretrained weights exist" in refusal(True, "lcnet_035")


# The configuration


def test_the_configuration_takes_a_file_and_gives_it_back():
    config = NetworkConfig.model_validate({"pretrained": "some/weights.pth"})
    assert config.pretrained == Path("some/weights.pth")
    dumped = config.model_dump(mode="json")
    assert dumped["pretrained"] == "some/weights.pth"
    assert NetworkConfig.model_validate(dumped) == config
    assert NetworkConfig.model_validate({"pretrained": True}).pretrained is True


@pytest.mark.parametrize("value", ["yes please", "weights.tar", 1, None, ["w.pth"]])
def test_the_configuration_refuses_anything_else(value):
    with pytest.raises(ValueError, match="must be true, false or a file of weights"):
        NetworkConfig.model_validate({"pretrained": value})
