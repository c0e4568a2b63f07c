"""Pre-trained weights are missed before anything is opened or waited for."""

import socket

import pytest
import torch
from huggingface_hub import constants, file_download

from benchmark.errors import UserError
from benchmark.execution.run import run
from benchmark.execution.run_one import run_one
from benchmark.experiment.config import NetworkConfig
from benchmark.experiment.loading import load_experiment
from benchmark.networks.weights.at_hand import check_weights, is_kept, is_reached
from benchmark.progress import Progress
from benchmark.protocol.open_experiment import require_weights

RESNET = NetworkConfig(backbone="resnet18", pretrained=True)


@pytest.fixture
def nothing_cached(tmp_path, monkeypatch):
    """A machine on which no weights were ever loaded, with a network and without proxies."""
    for module in (constants, file_download):
        monkeypatch.setattr(module, "HF_HUB_CACHE", str(tmp_path), raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)


@pytest.fixture
def offline(nothing_cached, monkeypatch):
    """The same without a network."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture
def listening():
    """The port of a host that answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.usefixtures("offline")
def test_an_empty_cache_of_an_offline_machine():
    assert not is_kept("resnet18")
    assert not is_reached("resnet18")
    assert not is_kept("no such model")
    with pytest.raises(UserError, match="the weights of resnet18 are neither on this machine nor"):
        check_weights(RESNET)


@pytest.mark.usefixtures("offline")
def test_what_needs_no_download_is_let_through(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"")
    check_weights(NetworkConfig(backbone="resnet18"))
    check_weights(NetworkConfig(backbone="resnet18", pretrained=tmp_path / "weights.pth"))
    check_weights(NetworkConfig(backbone="tf_efficientnet_lite0", pretrained=True))  # a package
    check_weights(NetworkConfig(backbone="no such model", pretrained=True))  # the network names it better
    with pytest.raises(UserError, match="there is no file"):
        check_weights(NetworkConfig(backbone="resnet18", pretrained=tmp_path / "gone.pth"))


@pytest.mark.usefixtures("nothing_cached")
def test_a_host_or_the_proxy_before_it_is_asked(listening, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert not is_reached("resnet18")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{listening}")
    assert is_reached("resnet18")
    check_weights(RESNET)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert not is_reached("resnet18")
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{listening}")
    assert is_reached("resnet18")
    monkeypatch.setattr(constants, "ENDPOINT", "")
    assert not is_reached("resnet18")


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("preset", ["quick", "standard", "paper"])
def test_a_run_says_so_before_it_looks_for_data(tmp_path, preset, capsys):
    experiment = load_experiment(None, preset, {"dataset": "nyud", "data_root": str(tmp_path / "nowhere")})
    for start in (run, lambda *words: run_one(words[0], words[1], 0, words[2])):
        with pytest.raises(UserError, match="the weights of hrnet_w18_small_v2 are neither"):
            start(experiment, tmp_path / "results", Progress())
    assert "Opening" not in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("offline")
def test_a_folder_with_results_may_be_finished_and_need_none(tmp_path, small_experiment):
    experiment = small_experiment(network=RESNET.model_dump())
    with pytest.raises(UserError):
        require_weights(experiment, tmp_path)
    (tmp_path / "experiment.yaml").write_text("")
    require_weights(experiment, tmp_path)
