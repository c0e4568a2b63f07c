"""Building blocks: convolutions with batch normalisation and the two residual blocks of He et al. 2016."""

from __future__ import annotations

from torch import Tensor, nn


def conv_norm_relu(before: int, after: int, size: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(*conv_norm(before, after, size, stride), nn.ReLU(inplace=True))


def conv_norm(before: int, after: int, size: int, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation."""
    conv = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after))


class Residual(nn.Module):
    """``relu(path(x) + shortcut(x))``; the shortcut is a 1x1 convolution where shapes differ."""

    def __init__(self, path: nn.Module, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        same = before == after and stride == 1
        self.path = path
        self.shortcut = nn.Identity() if same else conv_norm(before, after, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """Add the path to the shortcut."""
        out: Tensor = self.relu(self.path(features) + self.shortcut(features))
        return out


class BasicBlock(Residual):
    """Two 3x3 convolutions."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        path = nn.Sequential(conv_norm_relu(before, after, 3, stride), conv_norm(after, after, 3))
        super().__init__(path, before, after, stride)


class Bottleneck(Residual):
    """1x1 to a quarter of the width, 3x3, 1x1 back."""

    def __init__(self, before: int, after: int) -> None:
        inner = max(after // 4, 1)
        path = nn.Sequential(
            conv_norm_relu(before, inner, 1), conv_norm_relu(inner, inner, 3), conv_norm(inner, after, 1)
        )
        super().__init__(path, before, after)


def bottlenecks(before: int, after: int, count: int) -> nn.Sequential:
    """Some bottlenecks, the first of which changes the width."""
    return nn.Sequential(Bottleneck(before, after), *(Bottleneck(after, after) for _ in range(count - 1)))
