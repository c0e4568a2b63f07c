"""A backbone in a package of its own."""

from torch import nn

from benchmark.networks.backbone import Backbone
from benchmark.plugins import register_backbone


@register_backbone("patches", source="the plug-in example of mtal-benchmark")
class Patches(Backbone):
    """Two maps: patches of 4 x 4 pixels, and of 8 x 8 made of those.

    width: channels of the finer map; the coarser one has twice as many.
    """

    strides = (4, 8)
    multiple = 8

    def __init__(self, width: int = 16):
        super().__init__()
        self.channels = (width, 2 * width)
        self.fine = nn.Sequential(nn.Conv2d(3, width, 4, 4), nn.BatchNorm2d(width), nn.ReLU())
        self.coarse = nn.Sequential(nn.Conv2d(width, 2 * width, 2, 2), nn.ReLU())

    def forward(self, images):
        """Both maps, fine to coarse."""
        fine = self.fine(images)
        return [fine, self.coarse(fine)]
