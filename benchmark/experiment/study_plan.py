"""The plan of a study: what is compared, by which test, with how many seeds, written down before it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from benchmark.errors import UserError
from benchmark.experiment.validation import Model, Positive, sentences
from benchmark.untrusted_files import read_fields

#: Seeds that a test takes, and more looks or comparisons than anybody plans.
FEWEST, MOST_LOOKS, MOST_COMPARED = 4, 20, 200
Name = Annotated[str, Field(min_length=1, max_length=200)]
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
Share = Annotated[float, Field(gt=0, lt=1)]
_SHARE = re.compile(r"\s*(\d+|\d*\.\d+)\s*%\s*of\s+(?:the\s+)?gap\s*", re.ASCII)


class Size(NamedTuple):
    """A difference of NAUBC, as a share of the gap to full data or in the unit of the loss."""

    share: float | None
    loss: float | None

    def in_loss(self, gap: float) -> float:
        """In the unit of the loss, where the gap is this large."""
        return self.loss if self.loss is not None else (self.share or 0.0) * gap

    @property
    def words(self) -> str:
        """As a plan has it."""
        return f"{self.loss:g}" if self.loss is not None else f"{100 * (self.share or 0.0):g} % of the gap"


def parse_size(value: Any) -> Size:
    """``"5 % of the gap"``, or a number: a difference of NAUBC. Raises ValueError."""
    if isinstance(value, str) and (found := _SHARE.fullmatch(value)):
        size = Size(float(found[1]) / 100, None)
    else:
        size = Size(None, _number(value))
    if not 0 < (size.share or size.loss or 0) < 1e6:
        raise ValueError(f"must be a share such as '5 % of the gap', or a difference above 0, not {value!r}")
    return size


def _number(value: Any) -> float:
    try:
        return float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except ValueError:
        return 0.0


class PilotFolder(Model):
    """Results that a plan was computed from."""

    folder: Name = Field(description="name of the folder or archive")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of its table of results")


class ComputedFrom(Model):
    """What was known when the plan was made. Deviations and the gap are of NAUBC, in the unit of the loss."""

    pilots: tuple[PilotFolder, ...] = Field(min_length=1, max_length=20)
    seeds: tuple[Seed, ...] = Field(min_length=1, max_length=10_000)
    draws: Positive = Field(description="of random a seed in the pilot")
    gap: float = Field(description="NAUBC of random minus its floor, the full-data loss")
    deviation: float = Field(gt=0, description="of the difference to the mean of random's draws, over seeds")
    deviation_of: Name = Field(description="what that was measured on")
    components: dict[str, float | None] = Field(default_factory=dict, description="null is not known")
    seeds_needed: Positive
    power_of_equivalence: float | None = None
    hours: float | None = Field(None, description="of the processor, for all seeds")


class StudyPlan(Model):
    """What a study decides, and by what rule.

    ``family`` are the strategies whose comparisons with ``against`` are corrected together; names are full
    ones.
    """

    format: Literal[1] = 1
    dataset: Name
    metric: Literal["naubc of the total loss"] = "naubc of the total loss"
    budgets: tuple[int | float, ...] = Field(min_length=2, description="as in the experiment")
    references: Positive = Field(1, description="draws of random a seed, at least")
    against: Name = "random"
    primary: Name | None = Field(None, description="the comparison that seeds are counted for")
    family: tuple[Name, ...] = Field(min_length=1, max_length=MOST_COMPARED)
    correction: Literal["holm", "max-t"] = "holm"
    one_sided: bool = Field(False, description="asks only whether strategies are better")
    level: Share = 0.05
    power: Share = 0.8
    difference: str | float = Field(description="what the power is for")
    margin: str | float | None = Field(None, description="of equivalence; none is tested without")
    seeds: tuple[Seed, ...] = Field(min_length=FEWEST, max_length=10_000, description="in this order")
    looks: tuple[Positive, ...] = Field(
        min_length=1, max_length=MOST_LOOKS, description="seeds at which it is tested"
    )
    bound: Literal["obrien-fleming", "pocock"] = "obrien-fleming"
    computed_from: ComputedFrom | None = None

    @field_validator("difference", "margin")
    @classmethod
    def _sizes(cls, value: str | float | None) -> str | float | None:
        if value is not None:
            parse_size(value)
        return value

    @field_validator("seeds", "family", "budgets")
    @classmethod
    def _distinct(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError("each must be there once")
        return values

    @model_validator(mode="after")
    def _goes_together(self) -> StudyPlan:
        if self.looks[0] < FEWEST or any(b <= a for a, b in pairwise(self.looks)):
            raise ValueError(f"looks: must rise from {FEWEST} seeds or more, not {list(self.looks)}")
        if self.looks[-1] != len(self.seeds):
            raise ValueError(f"looks: the last must be at all {len(self.seeds)} seeds, not {self.looks[-1]}")
        if self.against in self.family:
            raise ValueError(f"family: {self.against} is what the others are compared with")
        if self.primary is not None and self.primary not in self.family:
            raise ValueError(f"primary: {self.primary} must be in the family")
        return self

    @property
    def difference_size(self) -> Size:
        """The difference that the power is for."""
        return parse_size(self.difference)

    @property
    def margin_size(self) -> Size | None:
        """The margin of equivalence."""
        return None if self.margin is None else parse_size(self.margin)

    @property
    def margin_needs_gap(self) -> bool:
        """Whether the margin is a share of the gap, which nobody knows without full data."""
        size = self.margin_size
        return size is not None and size.share is not None


def validated_plan(fields: Mapping[str, Any], origin: str) -> StudyPlan:
    """The plan of these fields. Raises UserError with all mistakes at once."""
    try:
        return StudyPlan.model_validate(fields)
    except ValidationError as error:
        raise UserError(sentences(error, origin, StudyPlan)) from None


def read_plan(file: Path) -> StudyPlan:
    """The plan of a file. Raises UserError for what is none."""
    return validated_plan(read_fields(file), str(file))


def written_plan(plan: StudyPlan) -> bytes:
    """The same as a file: equal plans give equal bytes."""
    text: str = yaml.safe_dump(plan.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return text.encode()
