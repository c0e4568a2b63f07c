"""An experiment: data set, network, recipe, budgets, strategies and seeds, validated as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from benchmark.errors import UserError
from benchmark.experiment.catalogue import known_dataset
from benchmark.experiment.recipe import Recipe
from benchmark.experiment.validation import Factor, Model, Positive, sentences
from benchmark.plugins import BACKBONES, NETWORKS
from strategies.reference import with_draws
from strategies.registry import RegistryError, resolve

Channel = Annotated[float, Field(ge=0, le=1)]
Channels = tuple[Channel, Channel, Channel]
Spread = tuple[Factor, Factor, Factor]
FeedHome = Literal["auto", "device", "disk", "stream"]
WEIGHT_FILES = (".pth", ".pt", ".bin", ".safetensors")


class NetworkConfig(Model):
    """The network that every strategy trains."""

    later = frozenset({"join", "frozen", "maps", "map_dropout"})

    name: str = Field("pad_net", description="which network (mtal list networks), or FILE.py:NAME")
    options: dict[str, Any] = Field(default_factory=dict, description="of a network of one's own (mtal show)")
    backbone: str = Field("tiny", description="tiny, a timm model by name, or FILE.py:NAME")
    backbone_options: dict[str, Any] = Field(
        default_factory=dict, description="of a backbone of one's own (mtal show)"
    )
    width: Positive | None = Field(
        None,
        description="channels per task (pad_net: 256; mti_net: the backbone's, up to 384; "
        "multi_task, single_task: the backbone's maps together)",
    )
    blocks: Positive | None = Field(None, description="bottlenecks per task and stage (pad_net: 2)")
    join: Literal["concat", "project"] | None = Field(
        None,
        description="how pad_net brings backbone maps together: at the finest size side by side (concat, as "
        "published), or each to width channels at its own size, then summed (project)",
    )
    pretrained: bool | Path = Field(
        False,
        description="start the backbone from a package's or timm's weights (true) or from a file of weights",
    )
    frozen: bool = Field(
        False, description="do not train the pre-trained backbone; its maps are kept (docs/networks.md)"
    )
    maps: Literal["kept", "recomputed"] = Field(
        "kept",
        description="of a frozen backbone in training: computed once for each image and its mirror image, or "
        "in every step, as augmentations other than flip need; where only flip is used, it changes no number",
    )
    map_dropout: float = Field(
        0.0, ge=0, lt=1, description="share of the channels of backbone maps to drop in a training step"
    )

    mean: Channels | None = Field(
        None,
        description="of images (0..1), by channel; the pre-trained weights', or ImageNet's, if not given",
    )
    spread: Spread | None = Field(None, description="standard deviation of images (0..1), by channel")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        NETWORKS.resolve(name)
        return name

    @field_validator("backbone")
    @classmethod
    def _loaded(cls, name: str) -> str:
        BACKBONES.find(name)  # timm's are looked for when one is made: asking imports torch
        return name

    @field_validator("options", "backbone_options")
    @classmethod
    def _taken(cls, options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        registry, field = (NETWORKS, "name") if info.field_name == "options" else (BACKBONES, "backbone")
        if options and field in info.data:
            registry.values(info.data[field], options)
        return options

    @field_validator("pretrained", mode="before")
    @classmethod
    def _weights(cls, value: Any) -> bool | Path:
        if isinstance(value, bool):
            return value
        if isinstance(value, str | Path) and Path(value).suffix in WEIGHT_FILES:
            return Path(value)
        raise ValueError(
            f"must be true, false or a file of weights ({', '.join(WEIGHT_FILES)}), not {value!r}"
        )

    @model_validator(mode="after")
    def _pretrained_trunk(self) -> NetworkConfig:
        if self.frozen and not self.pretrained:
            raise ValueError(
                "frozen: random features would never be trained; set pretrained, or frozen to false"
            )
        if self.maps == "recomputed" and not self.frozen:
            raise ValueError("maps: only a frozen backbone has maps to keep; set frozen, or maps to kept")
        return self

    @model_validator(mode="after")
    def _takes(self) -> NetworkConfig:
        entry = NETWORKS.resolve(self.name)
        if foreign := sorted(set(self.sizes()) - set(entry.fields)):
            hint = "set them to null" if entry.built_in else "its own are in network.options"
            raise ValueError(f"{entry.name} takes no {' and no '.join(foreign)}; {hint}")
        return self

    def sizes(self) -> dict[str, Any]:
        """What is set of the fields that built-in networks take."""
        given = {"width": self.width, "blocks": self.blocks, "join": self.join}
        return {name: value for name, value in given.items() if value is not None}


class Experiment(Model):
    """All that decides the numbers, and where to compute them."""

    later = frozenset({"costs", "cost_columns", "first_labels"})

    name: str = Field("", description="names the folder of results")
    dataset: str = Field(
        "rooms", description="by name (mtal list datasets), a YAML file of your own data, or FILE.py:NAME"
    )
    data: dict[str, Any] = Field(default_factory=dict, description="options of the data set")
    data_root: Path | None = Field(None, description="where the data lies, if not where it is looked for")
    development: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of the training images, the last ones, that stand for the validation images, "
        "which are not read: for whatever is chosen by results",
    )
    oracle_split: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of the training images that leave the pool of every strategy, for an oracle to "
        "judge by (docs/strategies.md)",
    )
    task_weights: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="weights in the multi-task loss, where not the task's own default"
    )
    tasks: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options of tasks, where not the task's own default"
    )
    costs: dict[str, Factor] = Field(
        default_factory=dict,
        description="prices of labels by task, in any unit: budgets are then in whole images' "
        "worth; all cost the same if none are given (docs/prices.md)",
    )
    cost_columns: dict[str, str] = Field(
        default_factory=dict,
        description="by task, a column of the data set with a number for each image that its price is "
        "multiplied by (docs/prices.md)",
    )
    first_labels: Literal["images", "pairs"] = Field(
        "images", description="buy the first set whole, or one label an image, the tasks taking turns"
    )
    network: NetworkConfig = NetworkConfig()
    recipe: Recipe = Recipe()
    budgets: tuple[Any, ...] = Field(min_length=2, description="labelled images: counts, shares or percent")
    strategies: tuple[str, ...] = Field(
        min_length=1, description="names, NAME[key=value,...] or FILE.py:NAME (mtal list)"
    )
    seeds: tuple[Annotated[int, Field(ge=0, strict=True)], ...] = Field(
        min_length=1, description="of the first set, weights, batches and choices"
    )
    references: Positive = Field(
        1, description="draws of random a seed, if it is among the strategies: differences are to their mean"
    )
    full_data: bool = Field(True, description="train the full-data reference")
    feed: FeedHome = Field("auto", description="where decoded images are kept; it changes no number")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d{1,3})?)$",
        description="auto, cpu, cuda or cuda:N; auto is the first GPU, or the CPU",
    )
    deterministic: bool | None = Field(
        None, description="same bits on repetition; if not given, on the CPU and not on a GPU"
    )
    threads: Positive | None = Field(
        None, description="CPU threads; OMP_NUM_THREADS, or all usable cores, if not given"
    )
    checkpoint_minutes: float = Field(
        10.0, ge=0, description="between two checkpoints within a training; 0 for none; it changes no number"
    )
    image_losses: bool = Field(
        True,
        description="keep the losses of single validation images with each round, some bytes each: reports "
        "say by them how far results are of these images (docs/statistics.md); it changes no number",
    )
    plan: Path | None = Field(
        None, description="of mtal plan: what the study decides and by which test; kept beside the results"
    )

    @field_validator("name")
    @classmethod
    def _file_name(cls, name: str) -> str:
        if (name and not re.fullmatch(r"[\w.=\- ]+", name)) or name in (".", ".."):
            raise ValueError(f"{name!r} must be letters, digits, spaces and the signs . = - _")
        return name

    @field_validator("dataset")
    @classmethod
    def _known_dataset(cls, dataset: str) -> str:
        return known_dataset(dataset)

    @field_validator("budgets", mode="after")
    @classmethod
    def _budgets(cls, budgets: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(parse_budget(budget) for budget in budgets)

    @field_validator("strategies")
    @classmethod
    def _strategies(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _checked_strategies(names)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"each seed once, not {', '.join(map(str, seeds))}")
        return seeds

    @model_validator(mode="after")
    def _shown_by_kept_maps(self) -> Experiment:
        beyond = self.recipe.augmentation.beyond_flips
        if beyond and self.network.frozen and self.network.maps == "kept":
            raise ValueError(
                "recipe.augmentation: maps of a frozen backbone are kept of whole images and of their mirror "
                f"images, which show no {' and no '.join(beyond)}; leave that out, or set network.maps to "
                "recomputed, which runs the backbone in every step"
            )
        return self

    @property
    def every_strategy(self) -> tuple[str, ...]:
        """What has a trajectory a seed: the strategies, and the further draws of random."""
        return with_draws(self.strategies, self.references)


def parse_budget(budget: Any) -> int | float:
    """A count as int, or a share of the pool as float; ``"10 %"`` and 0.1 are the same. Raises ValueError."""
    number = _number(budget) if isinstance(budget, str) else budget
    if isinstance(number, int) and not isinstance(number, bool) and number >= 1:
        return number
    if isinstance(number, float) and 0 < number <= 1:
        return number
    raise ValueError(f"a budget must be a count such as 40, a share such as 0.1 or '10 %', not {budget!r}")


def _number(text: str) -> int | float | None:
    if not (parts := re.fullmatch(r"\s*(\d+|\d*\.\d+)\s*(%?)\s*", text)):
        return None
    if parts[2]:
        return float(parts[1]) / 100
    return float(parts[1]) if "." in parts[1] else int(parts[1])


def budget_counts(budgets: Sequence[int | float], pool: int, origin: str = "") -> list[int]:
    """Labelled images of every round. Raises UserError unless they grow and fit into the pool.

    ``origin`` names the file that holds the budgets, where the user may not know.
    """
    counts = [budget if isinstance(budget, int) else round(budget * pool) for budget in budgets]
    rising = all(a < b for a, b in pairwise(counts))
    if not rising or counts[0] < 1 or counts[-1] > pool:
        field = f"{origin}, budgets" if origin else "budgets"
        raise UserError(f"{field}: must grow from 1 to at most the pool of {pool} images, not {counts}.")
    return counts


def parse_seeds(text: str) -> list[int]:
    """``5`` is the seeds 0 to 4; ``0,3,7`` those three; ``3-5`` those from 3 to 5. Raises UserError."""
    if (span := re.fullmatch(r"(\d+)-(\d+)", text)) and int(span[1]) <= int(span[2]):
        return list(range(int(span[1]), int(span[2]) + 1))
    if re.fullmatch(r"\d+", text) and int(text) > 0:
        return list(range(int(text)))
    if re.fullmatch(r"\d+(,\d*)+", text):
        return [int(part) for part in text.split(",") if part]
    raise UserError(f"--seeds must be a number of seeds (5), a list (0,3,7) or a range (3-5), not {text!r}.")


def validated(fields: Mapping[str, Any], origin: str) -> Experiment:
    """The experiment that these fields describe. Raises UserError with all mistakes at once."""
    try:
        return Experiment.model_validate(fields)
    except ValidationError as error:
        raise UserError(sentences(error, origin, Experiment)) from None


def _checked_strategies(names: Sequence[str]) -> tuple[str, ...]:
    full, mistakes = [], []
    for name in names:
        try:
            full.append(_tried(name))
        except RegistryError as error:
            mistakes.append(str(error).rstrip("."))
    repeated = sorted({name for name in full if full.count(name) > 1})
    mistakes += [f"strategy {name!r} is there twice" for name in repeated]
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return tuple(names)


def _tried(name: str) -> str:
    named = resolve(name)
    named.create()  # so that a value out of range is found now and not after hours of training
    return named.name
