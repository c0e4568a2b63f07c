"""What every module keeps that learns from images, a network or a backbone: clauses to call."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from benchmark.plugins import Entry

IMAGES = 3
SEEDS = (0, 1)


@dataclass(frozen=True)
class ModuleProbe(ABC):
    """A module under test: fresh ones of it, made-up images, and what it says of them."""

    entry: Entry

    @abstractmethod
    def made(self) -> nn.Module:
        """One of it, its weights drawn from torch's current random state."""

    @abstractmethod
    def said(self, module: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """All tensors that it gives for images, by name."""

    @abstractmethod
    def trained_on(self, module: nn.Module, images: Tensor) -> dict[str, Tensor]:
        """Those of them that a loss reads."""

    @property
    @abstractmethod
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths of images to show it."""

    def module(self, seed: int = SEEDS[0]) -> nn.Module:
        """One of it, its weights of this seed."""
        with seeded(seed):
            return self.made()

    def images(self, count: int = IMAGES, place: int = 0) -> Tensor:
        """Made-up images (count x 3 x H x W, 0..1) of one of the sizes."""
        height, width = self.sizes[place]
        return torch.rand(count, 3, height, width, generator=Generator().manual_seed(5))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's random state of a seed; what it was is put back."""
    with torch.random.fork_rng(devices=[]):  # to ask after those of GPUs is to open them
        torch.default_generator.manual_seed(seed)
        yield


def gives_finite_numbers(probe: ModuleProbe) -> None:
    """All it says is finite, of images that are black, white or noise."""
    module, noise = probe.module().eval(), probe.images()
    for what, images in (("noise", noise), ("black", noise * 0), ("white", noise * 0 + 1)):
        with torch.no_grad():
            for name, tensor in probe.said(module, images).items():
                assert tensor.isfinite().all(), f"{name} is not finite for images that are {what}"


def teaches_every_parameter(probe: ModuleProbe) -> None:
    """A loss of what it says has a finite gradient for each of its parameters."""
    module = probe.module().train()
    said = probe.trained_on(module, probe.images())
    assert any(tensor.requires_grad for tensor in said.values()), "nothing that it says has a gradient"
    sum(tensor.square().mean() for tensor in said.values() if tensor.requires_grad).backward()  # type: ignore[union-attr]
    without = [
        name for name, weight in module.named_parameters() if weight.requires_grad and weight.grad is None
    ]
    assert not without, f"no gradient reaches {_few(without)}: use it, or leave it out"
    wrong = [n for n, w in module.named_parameters() if w.grad is not None and not w.grad.isfinite().all()]
    assert not wrong, f"the gradient of {_few(wrong)} is not finite"


def evaluates_every_image_by_itself(probe: ModuleProbe) -> None:
    """In evaluation, what it says of an image depends neither on those beside it nor on earlier ones."""
    module, images = probe.module().eval(), probe.images()
    with torch.no_grad():
        together = probe.said(module, images)
        for place in range(len(images)):
            alone = probe.said(module, images[place : place + 1])
            for name, tensor in alone.items():
                same = torch.allclose(together[name][place], tensor[0], rtol=1e-3, atol=1e-4)
                assert same, (
                    f"{name} of an image changes with its batch, or when it is asked again: in evaluation "
                    "use no mean over the batch, no memory and no randomness"
                )


def starts_from_the_weights_of_the_seed(probe: ModuleProbe) -> None:
    """The same seed gives the same weights, another seed others: they are drawn from torch's random state."""
    one, same = (probe.module().state_dict() for _ in range(2))
    different = [name for name, tensor in one.items() if not torch.equal(tensor, same[name])]
    assert not different, f"the same seed gave other weights in {_few(different)}"
    other = probe.module(SEEDS[1]).state_dict()
    varies = any(not torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert varies or not one, "every seed gives the same weights: do not seed torch, it is done for you"


def loads_its_own_weights(probe: ModuleProbe) -> None:
    """Its ``state_dict`` holds all that it learned, as plain tensors: another with it says the same."""
    one, other, images = probe.module().train(), probe.module(SEEDS[1]), probe.images()
    with torch.no_grad():
        probe.said(one, images)  # batch statistics are state as well
    buffer = io.BytesIO()
    torch.save(one.state_dict(), buffer)
    buffer.seek(0)
    other.load_state_dict(torch.load(buffer, weights_only=True))
    with torch.no_grad():
        expected, found = probe.said(one.eval(), images), probe.said(other.eval(), images)
    different = [name for name in expected if not torch.equal(expected[name], found[name])]
    assert not different, f"with the weights of another it gives other {_few(different)}: register all state"


def leaves_images_alone(probe: ModuleProbe) -> None:
    """The images that it is given are not changed."""
    images = probe.images()
    before = images.clone()
    with torch.no_grad():
        probe.said(probe.module().eval(), images)
    assert torch.equal(images, before), "the images that it was given are changed"


MODULE_CLAUSES = (
    gives_finite_numbers,
    teaches_every_parameter,
    evaluates_every_image_by_itself,
    starts_from_the_weights_of_the_seed,
    loads_its_own_weights,
    leaves_images_alone,
)


def shape(tensor: Tensor) -> str:
    """Sizes in words."""
    return " x ".join(map(str, tensor.shape))


def named(what: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under names that say what they are."""
    return {f"{what}[{name}]": tensor for name, tensor in tensors.items()}


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
