"""The YAML file that describes a user's own folders, checked field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from benchmark.data.dataset import Coding
from benchmark.data.files.pictures import Orientation
from benchmark.data.folder.advice import advice_on
from benchmark.data.folder.annotators import RULES, Combine
from benchmark.data.folder.description import read_description, sentence
from benchmark.data.folder.file_names import PLAIN
from benchmark.data.folder.groups import checked_pattern
from benchmark.data.resizing import Shrink, Size
from benchmark.errors import UserError
from strategies.interface import Kind
from strategies.registration import RegistryError, file_and_name

#: Stands for the name of each annotator in a task's folder or file.
ANNOTATOR = "{annotator}"
#: The largest numbers of integers of 8, 15, 16, 31 and 32 bits.
LARGEST = (255.0, 32767.0, 65535.0, 2.0**31 - 1, 2.0**32 - 1)
#: Fields that only some kinds of task have; a field that is not named here suits every kind.
FIELD_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "first_class": ("categorical",),
    "ignore": ("categorical", "binary"),
    "positive": ("binary",),
    "threshold": ("binary",),
    "positive_weight": ("binary",),
    "shrink": ("categorical", "binary"),
    "scale": ("scalar",),
    "invalid": ("scalar",),
}


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _one_or_several(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


def _number(value: Any) -> Any:
    """YAML 1.1 takes 1e-3 for text, for want of a point; everybody means a number."""
    written = isinstance(value, str) and re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", value, re.I)
    return float(value) if written else value


def _names_or_count(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        # No more than are refused: a count of a billion would be a billion names before anyone could say
        # so.
        return tuple(f"class {index}" for index in range(min(value, 256)))
    return _as_tuple(value)


def _name(value: str) -> str:
    # It becomes the name of a folder and a column of tables.
    if not re.fullmatch(r"\w[\w .+-]{0,63}", value):
        raise ValueError(f"{value!r} should be 1 to 64 letters, digits and . _ + - or blanks")
    return value


def _file_pattern(value: str) -> str:
    if value.count(PLAIN) != 1 or "/" in value:
        raise ValueError(f"{value!r} should be a file name with {{id}} in it once, such as '{{id}}_mask.png'")
    return value


Int32 = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Number = Annotated[float, BeforeValidator(_number)]
Integers = Annotated[tuple[Int32, ...], BeforeValidator(_one_or_several)]
Numbers = Annotated[tuple[Number, ...], BeforeValidator(_one_or_several)]
Side = Annotated[int, Field(ge=8, le=8192)]
Finite = Annotated[Number, Field(gt=0, allow_inf_nan=False)]


class _Model(BaseModel):
    # A field that is spelled wrong would be left out in silence; strict, for true is no number and 1 no
    # text.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Splits(_Model):
    """What ``{split}`` stands for in train and val, and the lists of ids if there are any."""

    train: str = Field("train", min_length=1)
    val: str = Field("val", min_length=1)
    lists: str | None = Field(None, alias="list")

    @field_validator("val")
    @classmethod
    def _differs(cls, val: str, info: ValidationInfo) -> str:
        if val == info.data.get("train"):
            raise ValueError(f"{val!r} is the train split too; name another one")
        return val

    @field_validator("lists")
    @classmethod
    def _per_split(cls, lists: str | None) -> str | None:
        if lists is not None and "{split}" not in lists:
            raise ValueError(f"{lists!r} should contain {{split}}, as in 'splits/{{split}}.txt'")
        return lists

    def fill(self, pattern: str, split: str) -> str:
        """The pattern with ``{split}`` replaced by what it stands for in "train" or "val"."""
        return pattern.replace("{split}", self.train if split == "train" else self.val)


class ImageFolder(_Model):
    """Where the images lie, and how their pixels are meant."""

    folder: str = Field(min_length=1)
    file: str = PLAIN
    exif: Orientation = "refuse"
    bits: int | None = Field(None, ge=9, le=16)

    _named_by_id = field_validator("file")(_file_pattern)


class TaskFolder(_Model):
    """Where a task's labels lie and what their values mean."""

    name: str
    task: str | None = None
    # Fields are validated in this order, and what a kind allows is asked below it.
    kind: Kind | None = Field(None, validate_default=True)
    folder: str = Field(min_length=1)
    file: str = PLAIN
    annotators: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field((), validate_default=True)
    combine: Combine | None = Field(None, validate_default=True)
    partial: bool = False
    classes: Annotated[tuple[str, ...], BeforeValidator(_names_or_count)] = Field((), validate_default=True)
    first_class: Int32 = 0
    ignore: Integers | None = None
    shrink: Shrink | None = None
    threshold: Number | None = Field(None, allow_inf_nan=False)
    positive: Integers = (1,)
    scale: Finite = 1.0
    invalid: Numbers | None = None
    weight: Finite | None = None
    positive_weight: Number | None = Field(None, gt=0, lt=1)
    options: dict[str, Any] = Field(default_factory=dict)

    _plain_name = field_validator("name")(_name)
    _named_by_id = field_validator("file")(_file_pattern)

    @field_validator("annotators")
    @classmethod
    def _several(cls, annotators: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        patterns = f"{info.data.get('folder', '')} {info.data.get('file', '')}"
        if bool(annotators) != (ANNOTATOR in patterns):
            raise ValueError(f"goes with {ANNOTATOR} in folder or file, which stands for each of them")
        if annotators and (len(set(annotators)) < len(annotators) or len(annotators) < 2):
            raise ValueError(f"should be two names or more, each once, not {list(annotators)}")
        return annotators

    @field_validator("combine")
    @classmethod
    def _by_rule(cls, combine: Combine | None, info: ValidationInfo) -> Combine | None:
        rules = RULES[info.data.get("kind") or "binary"]
        several = bool(info.data.get("annotators"))
        if several != (combine is not None):
            raise ValueError(f"goes with annotators: how their labels become one ({', '.join(rules)})")
        if combine is not None and combine not in rules:
            raise ValueError(f"{info.data.get('kind')} labels are combined by {' or '.join(rules)}")
        return combine

    def __hash__(self) -> int:
        return hash((self.name, self.folder, self.file))  # options may hold what has none

    @property
    def meant(self) -> str:
        """The registered task that it is, if it is one."""
        return self.task or self.name

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """Folder and file name, as patterns, for every annotator, or of the only one."""
        names = self.annotators or ("",)
        return tuple((self.folder.replace(ANNOTATOR, n), self.file.replace(ANNOTATOR, n)) for n in names)

    @property
    def combining(self) -> Combine:
        """How labels of several annotators become one; a single one stays as it is."""
        return self.combine or RULES[self.kind or "binary"][0]

    @field_validator("task")
    @classmethod
    def _beside(cls, task: str | None, info: ValidationInfo) -> str | None:
        """A Python file is looked for beside the YAML file."""
        file, name = file_and_name(task) if task else (None, "")
        return f"{(info.context or Path()) / file}:{name}" if file else task

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: Kind | None, info: ValidationInfo) -> Kind | None:
        from benchmark.tasks import make_task  # torch takes seconds to import

        if "name" not in info.data or "task" not in info.data:  # which is said already
            return kind
        try:
            return make_task(info.data["name"], kind, task=info.data["task"]).kind
        except (UserError, RegistryError) as error:
            raise ValueError(str(error).rstrip(".")) from None

    @field_validator("classes")
    @classmethod
    def _countable(cls, classes: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        kind = info.data.get("kind", "categorical" if classes else None)
        if kind != "categorical" and classes:
            raise ValueError(f"is for categorical tasks, and this one is {kind}; leave it out")
        # 255 classes at most: labels are bytes, and 255 is what is ignored.
        if kind == "categorical" and not 2 <= len(classes) <= 255:
            raise ValueError("should be a list of 2 to 255 names, or their count")
        if len(set(classes)) < len(classes) or not all(name.strip() for name in classes):
            raise ValueError("every class should have a name of its own")
        return classes

    @field_validator(*FIELD_KINDS, mode="before")
    @classmethod
    def _of_kind(cls, value: Any, info: ValidationInfo) -> Any:
        kinds, kind = FIELD_KINDS[str(info.field_name)], info.data.get("kind")
        if kind is not None and kind not in kinds:
            raise ValueError(f"is for {' and '.join(kinds)} tasks, and this one is {kind}; leave it out")
        return value

    @field_validator("ignore")
    @classmethod
    def _no_class(cls, ignore: tuple[int, ...] | None, info: ValidationInfo) -> tuple[int, ...] | None:
        # A value cannot be a class and no class.
        both = sorted(set(ignore or ()) & set(_ids(info.data)))
        if both:
            last = _ids(info.data)[-1]
            raise ValueError(
                f"{both[0]} is a class, too (they are {_ids(info.data)[0]}..{last}); keep one of the two"
            )
        return ignore

    @model_validator(mode="after")
    def _no_answer(self) -> Self:
        answers = () if self.kind != "binary" or self.threshold is not None else (0, *self.positive)
        if both := sorted(set(self.ignore or ()) & set(answers)):
            meaning = "yes" if both[0] else "no"
            raise ValueError(f"ignore: {both[0]} means {meaning}, and cannot be ignored too")
        return self

    @field_validator("positive")
    @classmethod
    def _unambiguous(cls, positive: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if info.data.get("threshold") is not None:
            raise ValueError("threshold already says which values are positive; give one of the two")
        unclear = {0, *(info.data.get("ignore") or ())} & set(positive)
        if unclear or not positive:
            raise ValueError(f"should be values that are neither 0 (no) nor ignored, not {list(positive)}")
        return positive

    @field_validator("shrink")
    @classmethod
    def _shrinkable(cls, shrink: Shrink | None, info: ValidationInfo) -> Shrink | None:
        if shrink == "any" and info.data.get("kind") == "categorical":
            raise ValueError("any is for yes and no; classes take majority or nearest")
        return shrink

    @property
    def shrinking(self) -> Shrink:
        """How labels are made smaller: edges, which are thin, so that none is lost."""
        return self.shrink or ("any" if self.meant == "edge" else "nearest")

    @property
    def ignored(self) -> tuple[int, ...]:
        """Values that say nothing: by default 255, unless that is a yes or a class."""
        if self.ignore is not None:
            return self.ignore
        meant = self.positive if self.kind == "binary" else _ids(self.__dict__)
        # 255 is what the field's files ignore, and with a threshold every value is an answer.
        return () if self.threshold is not None or 255 in meant else (255,)

    @property
    def unmeasured(self) -> tuple[float, ...]:
        """Numbers that stand for no measurement: by default 0 in depth maps, none elsewhere."""
        if self.invalid is not None:
            return self.invalid
        # No sensor measures a distance of 0; of other numbers nobody knows.
        return (0.0,) if self.meant == "depth" else ()

    @property
    def coding(self) -> Coding:
        """What is doubtful of it, should the labels say nothing."""
        if self.kind == "scalar":
            tops = () if self.invalid == () else set(LARGEST) - set(self.unmeasured)
            return Coding(tops=tuple(top * self.scale for top in sorted(tops)), advice=advice_on(self))
        # What was not said is assumed, and what is assumed is to be doubted by the checks.
        assumed = self.kind == "binary" and self.ignore is None and bool(self.ignored)
        return Coding(self.ignored[0] if assumed else None, advice=advice_on(self))


def _ids(fields: Mapping[str, Any]) -> range:
    """What files call the classes of a categorical task; nothing for other kinds."""
    first = fields.get("first_class", 0)
    return range(first, first + len(fields.get("classes") or ()))


Fit = Literal["stretch", "canvas"]


class FolderConfig(_Model):
    """One data set: images, labels, splits."""

    name: str
    root: str = "."
    size: Annotated[tuple[Side, Side], BeforeValidator(_as_tuple)] | None = None
    fit: Fit = "stretch"
    splits: Splits = Field(default_factory=lambda: Splits.model_validate({}))
    groups: str | None = None
    columns: str | None = None
    image: ImageFolder
    tasks: dict[str, TaskFolder] = Field(min_length=1)
    # What the file says, where a run asks for another size. No field: in no digest, and nobody can write it.
    _own_size: Size | None = PrivateAttr(None)

    def model_post_init(self, context: Any, /) -> None:
        """Remember what a copy with another size would forget: labels may have been stretched to it."""
        del context
        self._own_size = self.size if self.fit == "stretch" else None

    @property
    def label_sizes(self) -> tuple[Size | None, ...]:
        """Sizes that labels may have beside their image's: some are published at the one that all is brought
        to. On a canvas that is another place in the image, so that no other will do.
        """
        return (self.size, self._own_size if self.fit == "stretch" else None)

    _plain_name = field_validator("name")(_name)

    @field_validator("groups")
    @classmethod
    def _with_group(cls, groups: str | None) -> str | None:
        return None if groups is None else checked_pattern(groups)

    @field_validator("image")
    @classmethod
    def _splittable(cls, image: ImageFolder, info: ValidationInfo) -> ImageFolder:
        splits = info.data.get("splits")
        if splits is not None and splits.lists is None and "{split}" not in image.folder:
            raise ValueError("folder should contain {split}, or splits.list name files of ids")
        return image

    @field_validator("tasks", mode="before")
    @classmethod
    def _named(cls, tasks: Any) -> Any:
        if not isinstance(tasks, dict):
            return tasks
        if any(isinstance(task, dict) and "name" in task for task in tasks.values()):
            raise ValueError("a task's name is its key; leave the field name out")
        return {
            name: {"name": name, **task} if isinstance(task, dict) else task for name, task in tasks.items()
        }


def load_config(path: Path) -> FolderConfig:
    """Read and check the description of a data set.

    Raises UserError, which names every wrong field at once.
    """
    try:
        return FolderConfig.model_validate(read_description(path), context=path.parent)
    except ValidationError as error:
        mistakes = "".join(f"\n  {sentence(each, _fields)}" for each in error.errors(include_url=False))
        raise UserError(f"{str(path)!r} does not describe a data set:{mistakes}") from None


def _fields(location: tuple[int | str, ...]) -> list[str]:
    models: dict[int | str, type[_Model]] = {"splits": Splits, "image": ImageFolder, "tasks": TaskFolder}
    fields = models.get(location[0] if location else "", FolderConfig).model_fields
    in_task = bool(location) and location[0] == "tasks"
    return [info.alias or name for name, info in fields.items() if not (in_task and name == "name")]
