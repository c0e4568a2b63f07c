"""Networks and backbones of one's own: in an experiment, in keys, in results, in other processes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from benchmark.errors import UserError
from benchmark.execution.serial import run_serial
from benchmark.experiment.config import NetworkConfig, validated
from benchmark.networks import build_network
from benchmark.networks.backbones.by_name import make_backbone
from benchmark.networks.backbones.feature_pyramid import SimpleFeaturePyramid
from benchmark.plugins import BACKBONES, NETWORKS
from benchmark.protocol.round_key import _network
from benchmark.protocol.work_left import plan, work_left
from benchmark.tasks import make_task
from strategies import registration

NETWORK = (Path(__file__).parent / "own_network.py").read_text()
TASKS = (make_task("semseg", classes=("a", "b", "c")), make_task("depth"))
NEEDED = {"budgets": [4, 7], "strategies": ["random"], "seeds": [0]}
STUDY = {"strategies": ["random"], "budgets": [4, 7], "full_data": False}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(NETWORK)
    return path


def forget():
    """As a new process finds it."""
    registration._LOADED.clear()
    for registry, name in ((NETWORKS, "my_net"), (BACKBONES, "my_backbone")):
        registry.entries.pop(name, None)


def test_a_network_of_ones_own_stands_on_any_backbone_and_any_network_on_a_backbone_of_ones_own(file):
    own = {"name": f"{file}:my_net", "backbone": f"{file}:my_backbone"}
    for fields in (own, {"name": own["name"]}, {"backbone": own["backbone"], "width": 8}):
        outputs = build_network(NetworkConfig(**fields), TASKS)(torch.rand(2, 3, 33, 50))
        assert outputs.refined["semseg"].shape == (2, 3, 33, 50)
    deep = build_network(NetworkConfig(**own, options={"depth": 3}, backbone_options={"bias": False}), TASKS)
    assert len(deep.shared) == 3
    assert deep.backbone.stem.bias is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "FILE:my_nett"}, "network.name: There is no network in"),
        ({"name": "gone.py:my_net"}, "network.name: There is no network file gone.py"),
        ({"backbone": "FILE:my_bakbone"}, "Did you mean 'my_backbone'? There is: my_backbone"),
        (
            {"name": "FILE:my_net", "options": {"deepth": 2}},
            "network.options: There is no option of my_net 'deepth'. Did you mean 'depth'?",
        ),
        (
            {"name": "FILE:my_net", "options": {"depth": "2"}},
            "network.options: The option depth of my_net must",
        ),
        ({"name": "FILE:my_net", "width": 8}, "my_net takes no width; its own are in network.options"),
        (
            {"options": {"width": 8}},
            "pad_net has no options of its own: it is set by network.width and network.b",
        ),
        ({"backbone_options": {"a": 1}}, "network.backbone_options: There is no option of tiny 'a'"),
        ({"backbone": "resnet50", "backbone_options": {"a": 1}}, "resnet50 takes no options"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_its_field(file, fields, sentence):
    given = {name: v.replace("FILE", str(file)) if isinstance(v, str) else v for name, v in fields.items()}
    with pytest.raises(UserError) as caught:
        validated({**NEEDED, "network": given}, "my.yaml")
    assert sentence in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_keys_of_built_in_networks_are_those_of_before_there_were_options():
    expected = {"name": "pad_net", "backbone": "tiny", "width": 8, "blocks": None}
    expected |= {"pretrained": False, "mean": None, "spread": None}
    assert _network(NetworkConfig(width=8)) == expected


def test_code_and_options_are_in_the_key_and_the_place_of_a_file_is_not(file, tmp_path):
    def key(place, text=NETWORK, **options):
        forget()
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
        return _network(NetworkConfig(name=f"{place}:my_net", backbone=f"{place}:my_backbone", **options))

    plain = key(file)
    assert key(tmp_path / "sub" / "mine.py") == plain
    assert key(file, options={"depth": 1}, backbone_options={"bias": True}) == plain, "their defaults"
    assert key(file, options={"depth": 2}) != plain
    changed = key(file, NETWORK.replace(".relu()", ".tanh()"))
    assert changed["name"] != plain["name"]
    assert key(file, NETWORK.replace("A head per task", "Heads")) == plain, "wording"


def test_after_an_edit_rounds_are_done_again_and_the_old_ones_lie_in_earlier(small_bench, file, tmp_path):
    study = STUDY | {"network": {"name": f"{file}:my_net"}}

    def run():
        forget()
        bench = small_bench(tmp_path / "out", **study)
        left = [work_left(bench, job).trainings for job in plan(bench.experiment)]
        assert run_serial(bench, plan(bench.experiment)) == []
        return left

    assert run() == [1, 1]
    assert run() == [0, 0]
    home = tmp_path / "out" / "rooms" / "random" / "seed-0"
    before = (home / "round-01.json").read_bytes()
    file.write_text(NETWORK.replace("refined = {", "features = 2 * features\n        refined = {"))
    assert run() == [1, 1]
    assert (home / "earlier" / "round-01.json").read_bytes() == before
    assert (home / "round-01.json").read_bytes() != before


def written(small_experiment, folder):
    (folder / "mine.py").write_text(NETWORK)
    fields = small_experiment(**STUDY).model_dump(mode="json")
    fields["network"] = {"name": "mine.py:my_net", "options": {"depth": 2}, "backbone": "mine.py:my_backbone"}
    fields["recipe"]["iterations"] = 2
    (folder / "my.yaml").write_text(yaml.safe_dump(fields))


def test_results_are_looked_at_without_the_file_and_go_on_from_where_it_is_now(
    mtal, small_experiment, tmp_path, monkeypatch
):
    (work := tmp_path / "work").mkdir()
    written(small_experiment, work)
    out = tmp_path / "results"
    done = mtal("run", work / "my.yaml", "--out", out, "--quiet", "--no-timing")
    assert done.code == 0, done.err
    stored = yaml.safe_load((out / "experiment.yaml").read_text())["network"]
    assert stored["name"] == "../work/mine.py:my_net"
    assert stored["backbone"] == "../work/mine.py:my_backbone"
    assert "my_net" in (out / "index.html").read_text()
    assert "me 2002" in (out / "tables" / "protocol.md").read_text()
    forget()
    monkeypatch.chdir(out)
    again = mtal("run", "experiment.yaml", "--out", ".", "--no-timing", "--dry-run")
    assert again.code == 0, again.err
    assert not [line for line in again.out.splitlines() if line[:1] in "123456789" and "trainings" in line]
    monkeypatch.chdir(tmp_path)
    shutil.move(work, tmp_path / "moved")
    (tmp_path / "moved" / "mine.py").write_text(NETWORK + "\nraise RuntimeError('executed')\n")
    forget()
    for command in (("status", out), ("report", out)):
        said = mtal(*command)
        assert said.code == 0, said.err
        assert "executed" not in said.out + said.err
    (tmp_path / "moved" / "mine.py").write_text(NETWORK)
    again = mtal("run", tmp_path / "moved" / "my.yaml", "--out", out, "--no-timing", "--dry-run")
    assert again.code == 0, again.err
    other = tmp_path / "moved" / "other.yaml"
    other.write_text((tmp_path / "moved" / "my.yaml").read_text().replace("mine.py:my_net", "pad_net"))
    other.write_text(other.read_text().replace("depth: 2", "").replace("options:\n", "options: {}\n"))
    refused = mtal("run", other, "--out", out, "--quiet")
    assert refused.code == 2
    assert "holds results of another experiment (network.name: 'work/mine.py:my_net' there" in refused.err


def test_a_job_in_another_process_loads_the_file_again(small_bench, file, tmp_path):
    from benchmark.execution.jobs.process import order_of
    from benchmark.protocol.work_left import Job

    network = {"name": f"{file}:my_net", "backbone": f"{file}:my_backbone"}
    bench = small_bench(tmp_path / "out", **STUDY, network=network)
    order = order_of(bench, bench.experiment, Job("round-0", 0))
    code = (
        "import sys, pickle; from benchmark.execution.jobs.process import do;"
        "fault = do(pickle.load(sys.stdin.buffer)); assert fault is None, fault.reason"
    )
    import pickle

    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(order), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert work_left(bench, Job("round-0", 0)).trainings == 0, "under the same key"


def test_a_backbone_of_ones_own_starts_from_a_file_of_weights_that_fits(file, tmp_path):
    name, weights = f"{file}:my_backbone", tmp_path / "weights.pt"
    fresh = make_backbone(name)
    torch.save({"state_dict": fresh.state_dict()}, weights)
    loaded = make_backbone(name, weights)
    assert torch.equal(loaded.stem.weight, fresh.stem.weight)
    assert loaded.loaded.startswith("my_backbone: 4 of 4 backbone tensors loaded from ")
    with pytest.raises(UserError, match=r"3 of 3 backbone tensors match; it has no stem\.bias"):
        make_backbone(name, weights, options={"bias": False})
    with pytest.raises(UserError, match="only timm knows weights of its own; for my_backbone give a file"):
        make_backbone(name, pretrained=True)
    torch.save({k: v for k, v in fresh.state_dict().items() if k != "deep.weight"}, weights)
    with pytest.raises(UserError, match=r"3 of 4 backbone tensors match; deep\.weight is missing"):
        make_backbone(name, weights)


@pytest.mark.parametrize("part", ["model", "backbone", "module"])
@pytest.mark.parametrize("before", ["", "module.", "model.", "backbone.model.", "_orig_mod.module."])
def test_what_a_backbone_of_ones_own_calls_its_parts_is_no_prefix(file, tmp_path, part, before):
    parts = "self.stem, self.deep = nn.Conv2d(3, 8, 4, 4, bias=bias), nn.Conv2d(8, 8, 2, 2)"
    kept = f"self.{part} = nn.ModuleList([nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 8, 2, 2)])"
    file.write_text(NETWORK.replace(parts, kept))
    name, weights = f"{file}:my_backbone", tmp_path / "weights.pt"
    given = {tensor: torch.rand_like(value) for tensor, value in make_backbone(name).state_dict().items()}
    assert all(tensor.startswith(f"{part}.") for tensor in given)
    torch.save({before + tensor: value for tensor, value in given.items()}, weights)
    loaded = make_backbone(name, weights)
    assert all(torch.equal(value, given[tensor]) for tensor, value in loaded.state_dict().items())
    torch.save({before + tensor: given[tensor] for tensor in list(given)[1:]}, weights)
    with pytest.raises(UserError, match=rf"3 of 4 backbone tensors match; {part}\.0\.weight is missing"):
        make_backbone(name, weights)


def test_one_stride_gets_a_pyramid_where_a_network_wants_one(file):
    file.write_text(
        NETWORK.replace("(8, 8), (4.0, 8.0), 8", "(8,), (4.0,), 4").replace("[fine, ", "[fine] or [")
    )
    name = f"{file}:my_backbone"
    assert isinstance(make_backbone(name, pyramid=True), SimpleFeaturePyramid)
    assert make_backbone(name).channels == (8,)
    outputs = build_network(NetworkConfig(name="mti_net", backbone=name), TASKS)(torch.rand(1, 3, 40, 40))
    assert outputs.refined["depth"].shape == (1, 1, 40, 40)


def test_a_plug_in_that_cannot_be_made_is_named(file):
    file.write_text(NETWORK.replace("range(depth)", "range(depth / 0)"))
    with pytest.raises(
        ValueError, match="Network 'my_net' cannot be made: ZeroDivisionError: division by zero"
    ):
        build_network(NetworkConfig(name=f"{file}:my_net"), TASKS)
    file.with_name("no.py").write_text(
        NETWORK.replace("channels, strides, multiple = (8, 8), (4.0, 8.0), 8", "pass").replace("my_", "no_")
    )
    with pytest.raises(UserError, match="Backbone 'no_backbone' must have the attribute channels"):
        make_backbone(f"{file.with_name('no.py')}:no_backbone")


def test_a_backbone_may_say_how_images_are_normalised(file):
    text = NETWORK.replace(
        '"""Two maps."""', 'normalisation = Normalisation((0.5,) * 3, (0.25,) * 3, "mine")'
    )
    file.write_text("from benchmark.networks.normalisation import Normalisation\n" + text)
    network = build_network(NetworkConfig(backbone=f"{file}:my_backbone", width=8), TASKS)
    assert network.mean.flatten().tolist() == [0.5] * 3
    assert network.spread.flatten().tolist() == [0.25] * 3


def test_lists_and_descriptions_show_them(mtal, file):
    assert "my_net" not in mtal("list", "networks").out
    shown = mtal("show", f"{file}:my_net")
    assert shown.code == 0, shown.err
    assert shown.out.startswith("my_net\n\nA head per task, and one more on top.\n")
    assert "Source: me 2002\nKind: network\n" in shown.out
    assert "  depth=1  a whole number\n" in shown.out
    assert "my_net" in mtal("list", "networks").out
    assert mtal("list", "backbones").out.split()[0] == "tiny"
    assert "network.width\n  network.blocks" in mtal("show", "pad_net").out
    file.with_name("both.py").write_text(NETWORK.replace("my_backbone", "both").replace("my_net", "both"))
    twice = mtal("show", f"{file.with_name('both.py')}:both")
    assert (twice.code, "'both' is a network and a backbone: say by --kind which." in twice.err) == (2, True)
    assert "Kind: backbone" in mtal("show", "both", "--kind", "backbone").out
    assert "no --kind 'net'" in mtal("show", "both", "--kind", "net").err
    assert "There is no network 'bot'. Did you mean 'both'?" in mtal("show", "bot", "--kind", "network").err
