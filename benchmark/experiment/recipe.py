"""How a network is trained: the same at every budget, for every strategy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from benchmark.experiment.validation import Factor, Model, Positive


class Augmentation(Model):
    """What happens to a training image and its labels, on the device."""

    flip: bool = Field(True, description="mirror half of the images")
    zoom: tuple[Annotated[float, Field(ge=1)], ...] = Field((1.0,), description="magnify by one of these")
    scale: tuple[Factor, Factor] | None = Field(
        None, description="magnify or shrink by a number drawn from this range"
    )
    rotation: float = Field(0.0, ge=0, le=180, description="turn by up to so many degrees, either way")
    crop: tuple[Positive, Positive] | None = Field(None, description="height and width of a random window")
    colour: float = Field(0.0, ge=0, lt=1, description="random brightness and contrast, up to this share")
    saturation: float = Field(0.0, ge=0, le=1, description="random saturation, up to this share")
    hue: float = Field(0.0, ge=0, le=180, description="turn colours by up to so many degrees, either way")

    @property
    def beyond_flips(self) -> list[str]:
        """What of it maps of whole and of mirrored images cannot show."""
        return [
            name
            for name, field in type(self).model_fields.items()
            if name != "flip" and getattr(self, name) != field.default
        ]

    @field_validator("scale")
    @classmethod
    def _rising(cls, scale: tuple[float, float] | None) -> tuple[float, float] | None:
        if scale is not None and scale[0] > scale[1]:
            raise ValueError(f"must be the smallest and the largest factor, not {list(scale)}")
        return scale


class Recipe(Model):
    """How the network is trained: the same at every budget, for every strategy."""

    later = frozenset(
        {
            *("epochs", "fewest_iterations", "label_stride", "label_step"),
            *("unlabelled", "pseudo_weight", "pseudo_confidence"),
        }
    )

    optimiser: Literal["adamw", "adam", "sgd"] = Field("adamw", description="of the network")
    learning_rate: float = Field(1e-3, gt=0, description="at its highest, after the warm-up")
    weight_decay: float = Field(1e-4, ge=0, description="of all weights")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    schedule: Literal["poly", "cosine", "constant"] = Field(
        "poly", description="how the rate falls, an iteration at a time"
    )
    power: float = Field(0.9, gt=0, description="of the poly schedule")
    warmup: int = Field(0, ge=0, strict=True, description="iterations of linear warm-up")
    clip: float | None = Field(None, gt=0, description="largest gradient norm")
    iterations: Positive | None = Field(
        1000, description="of each training, the same at every budget; null where there are epochs"
    )
    epochs: float | None = Field(
        None, gt=0, description="instead of iterations: so often each training sees its labelled images"
    )
    fewest_iterations: Positive = Field(100, description="of a training that counts epochs")
    batch_size: Positive = Field(8, description="images of an iteration")
    label_step: Positive = Field(
        1, description="train on the label of every so many-th pixel, each way; evaluation reads all of them"
    )
    label_stride: Positive = Field(
        1,
        description="the same as studies of before had it, with predictions (n - 1) / 2 pixels beside their "
        "labels; label_step reads them where the labels are",
    )
    precision: Literal["fp32", "tf32", "bf16"] = Field(
        "fp32",
        description="of the network: float32; the same with TF32 in a GPU's convolutions (as torch comes) "
        "and matrix products; bfloat16 in autocast. Losses are float32",
    )
    compile: bool | Literal["reduce-overhead"] = Field(
        False,
        description="compile network and losses for training, which may change last bits; reduce-overhead "
        "starts a GPU's kernels together (CUDA graphs)",
    )
    evaluation_batch_size: Positive = Field(32, description="for evaluation and the pool pass")
    companion_learning_rate: float = Field(1e-3, gt=0, description="Adam's, for strategies' own modules")
    unlabelled: Literal["none", "pseudo"] = Field(
        "none",
        description="what training does with images of the pool that have no labels: nothing, or a second "
        "network learns from the first one's predictions of them too (docs/regime.md)",
    )
    pseudo_weight: float = Field(
        0.5,
        gt=0,
        description="of the loss on images with pseudo-labels, beside that on as many labelled ones",
    )
    pseudo_confidence: float = Field(
        0.9, ge=0, lt=1, description="probability from which a predicted class, or yes and no, is a label"
    )
    augmentation: Augmentation = Augmentation()

    @model_validator(mode="after")
    def _one_step(self) -> Recipe:
        if self.label_step > 1 and self.label_stride > 1:
            raise ValueError("label_step: label_stride is an older form of the same; leave one of them at 1")
        return self

    @model_validator(mode="after")
    def _for_pseudo_labels(self) -> Recipe:
        fields = type(self).model_fields
        unused = [n for n in ("pseudo_weight", "pseudo_confidence") if getattr(self, n) != fields[n].default]
        if self.unlabelled == "none" and unused:
            raise ValueError(f"{unused[0]}: no pseudo-labels are trained on; set unlabelled to pseudo")
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_length(cls, fields: Any) -> Any:
        """Iterations or epochs."""
        if not isinstance(fields, Mapping) or fields.get("epochs") is None:
            return fields
        if fields.get("iterations") is not None:
            raise ValueError("iterations and epochs: a training has one length; set one of them to null")
        return {**fields, "iterations": None}

    @model_validator(mode="after")
    def _some_length(self) -> Recipe:
        if self.iterations is None and self.epochs is None:
            raise ValueError("iterations or epochs: a training has a length; set one of them")
        return self

    def iterations_for(self, labelled: int) -> int:
        """Of a training on so many labelled images."""
        if self.epochs is None:
            return self.iterations or 0
        return max(self.fewest_iterations, math.ceil(self.epochs * labelled / self.batch_size))

    def steps_for(self, labelled: int, unlabelled: int) -> int:
        """The same in iterations on labels alone: one on twice the images counts as two (see ``unlabelled``).

        ``unlabelled`` are the other images of the pool.
        """
        second = self.unlabelled == "pseudo" and unlabelled > 0
        return self.iterations_for(labelled) * (3 if second else 1)

    def for_labelled(self, labelled: int) -> Recipe:
        """The same recipe with the iterations of a training on so many images."""
        return self.model_copy(update={"iterations": self.iterations_for(labelled), "epochs": None})

    def shortened(self, labelled: int, length: float) -> Recipe:
        """The recipe of a training on so many images, with this share of its iterations and warm-up."""
        whole = self.iterations_for(labelled)
        short = {"iterations": math.ceil(length * whole), "warmup": round(length * self.warmup)}
        return self.model_copy(update={**short, "epochs": None})

    @field_validator("compile", mode="before")
    @classmethod
    def _way(cls, value: Any) -> bool | str:
        if isinstance(value, bool):
            return value
        if value == "reduce-overhead":
            return str(value)
        raise ValueError(f"must be true, false or reduce-overhead, not {value!r}")
