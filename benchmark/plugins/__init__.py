"""Doors for networks, backbones, tasks and data sets of one's own. Imports no torch.

An author's file, or a module that an entry point names (groups ``mtal.networks``, ``mtal.backbones``,
``mtal.tasks``, ``mtal.datasets``: NAME = "module that registers"):

    from benchmark.networks.network import Network
    from benchmark.plugins import register_network

    @register_network("my_net", source="author & author, venue year")
    class MyNet(Network):
        def __init__(self, backbone, tasks, depth: int = 3): ...

What a constructor takes after what it is given is an option: with a default, and a bool, int, float, str or
Literal. The benchmark names it ``NAME`` or ``FILE.py:NAME`` wherever a name may stand. What reads such names:

    entry = NETWORKS.resolve(text)            # or .find: None for a name that is not registered
    entry.values({"depth": 2})                # checked, those that are not the default: for keys
    entry.create(backbone, tasks, options={"depth": 2})
    entry.code                                # for keys: NAME, or NAME@digest of its code if not built in
    entry.thing, entry.parameters, entry.summary, entry.source, entry.description, entry.built_in
    NETWORKS.everything()                     # by name, with those of installed packages
    NETWORKS.broken                           # entry points that failed, and why
    plain_name(text)                          # NAME of FILE.py:NAME; nothing is executed

``registry.contract`` is the module that ``mtal check`` takes ``CLAUSES`` and ``Probe(entry)`` from. Errors
are ``strategies.registry.RegistryError``, a sentence that the command line prints with exit code 2.
"""

from __future__ import annotations

from benchmark.plugins.registry import Entry, PluginRegistry, imported
from strategies.registration import RegistryError, file_and_name

__all__ = [
    "BACKBONES",
    "DATASETS",
    "NETWORKS",
    "TASKS",
    "Entry",
    "PluginRegistry",
    "RegistryError",
    "imported",
    "plain_name",
    "register_backbone",
    "register_dataset",
    "register_network",
    "register_task",
]

NETWORKS = PluginRegistry(
    "network",
    "mtal.networks",
    "benchmark.networks.contracts.network",
    base="benchmark.networks.network:Network",
    given=("the backbone", "the tasks"),
)
BACKBONES = PluginRegistry(
    "backbone",
    "mtal.backbones",
    "benchmark.networks.contracts.backbone",
    base="benchmark.networks.backbone:Backbone",
)
TASKS = PluginRegistry(
    "task",
    "mtal.tasks",
    "benchmark.tasks.contract",
    base="benchmark.tasks.task:Task",
    given=("its name", "its classes", "its weight"),
)
DATASETS = PluginRegistry(
    "data set", "mtal.datasets", "benchmark.data.custom.contract", given=("the folder of the data, or None",)
)

register_network, register_backbone = NETWORKS.register, BACKBONES.register
register_task, register_dataset = TASKS.register, DATASETS.register


def plain_name(text: str) -> str:
    """The NAME of ``FILE.py:NAME`` or NAME; nothing is executed."""
    return file_and_name(text)[1]


TASKS.declare(
    "semseg",
    "one of several classes per pixel: cross entropy, mIoU",
    "Long, Shelhamer & Darrell, CVPR 2015",
    "benchmark.tasks.semseg:Semseg",
)
TASKS.declare(
    "human_parts",
    "parts of people: cross entropy, mIoU over images that show some",
    "Chen et al., CVPR 2014 (PASCAL-Part)",
    "benchmark.tasks.human_parts:HumanParts",
)
TASKS.declare(
    "depth",
    "metres from the camera: L1, root mean square error",
    "Eigen, Puhrsch & Fergus, NeurIPS 2014",
    "benchmark.tasks.depth:Depth",
)
TASKS.declare(
    "normals",
    "unit vectors: L1, mean angle",
    "Eigen & Fergus, ICCV 2015",
    "benchmark.tasks.normals:Normals",
)
TASKS.declare(
    "edge",
    "on an edge or not: weighted cross entropy, F-measure",
    "Xie & Tu, ICCV 2015",
    "benchmark.tasks.edge:Edge",
)
TASKS.declare(
    "saliency",
    "of the salient object or not: weighted cross entropy, maxF",
    "Achanta et al., CVPR 2009",
    "benchmark.tasks.saliency:Saliency",
)
for _name, _summary in (
    ("rooms", "built in: rendered rooms, mixed scenes"),
    ("rooms-longtail", "built in: rare classes and clutter in few scenes"),
    ("rooms-video", "built in: walks of near-identical frames"),
):
    _opener = f"benchmark.data.open_dataset:{_name.upper().replace('-', '_')}"
    DATASETS.declare(_name, _summary, "this benchmark", _opener, family="rooms")
DATASETS.declare(
    "nyud",
    "NYUD-v2, 795 + 654 images, any of its four layouts; needs --data-root",
    "Silberman, Hoiem, Kohli & Fergus, ECCV 2012",
    "benchmark.data.open_dataset:NYUD",
    family="nyud",
)
DATASETS.declare(
    "pascal",
    "PASCAL-Context with human parts, 4,998 + 5,105 images; needs --data-root",
    "Mottaghi et al., CVPR 2014; Chen et al., CVPR 2014",
    "benchmark.data.open_dataset:PASCAL",
    family="pascal",
)
NETWORKS.declare(
    "pad_net",
    "initial predictions, distilled into each other by attention, and refined ones",
    "PAD-Net, Xu et al., CVPR 2018",
    "benchmark.networks.pad_net:PadNet",
    ("width", "blocks", "join"),
)
NETWORKS.declare(
    "mti_net",
    "the same at every scale, coarse to fine",
    "MTI-Net, Vandenhende et al., ECCV 2020",
    "benchmark.networks.mti_net:MtiNet",
    ("width",),
)
NETWORKS.declare(
    "multi_task",
    "reference of one stage: a shared backbone, a head per task",
    "survey, Vandenhende et al., TPAMI 2021",
    "benchmark.networks.one_stage:MultiTask",
    ("width",),
)
NETWORKS.declare(
    "single_task",
    "reference of one stage: a backbone and a head per task",
    "survey, Vandenhende et al., TPAMI 2021",
    "benchmark.networks.one_stage:SingleTask",
    ("width",),
)
BACKBONES.declare(
    "tiny",
    "a small residual pyramid at strides 4, 8, 16 and 32, for runs without a GPU",
    "He et al., CVPR 2016 (its blocks)",
    "benchmark.networks.backbones.by_name:TinyPyramid",
)
