"""Options that readers of data share: how many images to take, and the size to bring them to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from benchmark.data.checks.check import evenly
from benchmark.data.resizing import Shrink
from benchmark.experiment.validation import Model, Positive

Ids = Mapping[str, tuple[str, ...]]
Side = Annotated[int, Field(ge=8, le=8192, strict=True)]  # of an image, in pixels


class Subset(Model):
    """How many images of a split to take, evenly spaced in the order of ids; all of them by default."""

    pool: Positive | None = Field(None, description="images of train")
    val: Positive | None = Field(None, description="images of val")

    def of(self, ids: Ids) -> dict[str, tuple[str, ...]]:
        """The ids to use of each split."""
        wanted = {"train": self.pool, "val": self.val}
        return {
            split: tuple(names[i] for i in evenly(len(names), wanted[split] or len(names)))
            for split, names in ids.items()
        }


class Sized(Subset):
    """The same, and the size to bring everything to: ``height`` and ``width``, or both as ``size``."""

    height: Side | None = Field(None, description="in pixels, beside width")
    width: Side | None = Field(None, validate_default=True, description="in pixels, beside height")
    size: tuple[Side, Side] | None = Field(None, validate_default=True, description="[height, width]")

    @field_validator("width")
    @classmethod
    def _both(cls, width: int | None, info: ValidationInfo) -> int | None:
        if (width is None) != (info.data.get("height") is None):
            raise ValueError("height and width go together; give both or none")
        return width

    @field_validator("size")
    @classmethod
    def _once(cls, size: tuple[int, int] | None, info: ValidationInfo) -> tuple[int, int] | None:
        if size is not None and info.data.get("width") is not None:
            raise ValueError("height and width say it already; give one of the two")
        return size

    @property
    def target(self) -> tuple[int, int] | None:
        """Height and width, if given."""
        return self.size if self.height is None or self.width is None else (self.height, self.width)

    def meaning(self) -> dict[str, Any]:
        """What decides the numbers, however it was spelled."""
        return {**self.model_dump(exclude={"height", "width"}), "size": self.target}


class Shrinking(Sized):
    """The same, and how classes are made smaller."""

    shrink_classes: Literal["nearest", "majority"] = Field(
        "nearest", description="classes of smaller labels: the nearest pixel's, or those of most of the area"
    )

    def rules(self, categorical: Iterable[str]) -> dict[str, Shrink]:
        """The rule of every task that does not take the nearest pixel; edges, which are thin, take any."""
        return {"edge": "any", **dict.fromkeys(categorical, self.shrink_classes)}
