"""Edges and saliency for camvid.yaml, from the classes of its labels.

python docs/examples/camvid_masks.py DATA_ROOT

DATA_ROOT/{train,val}/semseg/ID.png hold 0..10 and 255 for what is ignored. Beside them this writes
edge/ID.png, 255 where the class is not that of the left or the upper neighbour (what is ignored counts as a
class), and saliency/ID.png, 1 for cars, pedestrians and bicyclists, 255 for what is ignored.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

SALIENT, IGNORED = (8, 9, 10), 255


def edges(classes: np.ndarray) -> np.ndarray:
    """H x W to H x W: 0 and 255."""
    found = np.zeros(classes.shape, np.uint8)
    found[:, 1:][classes[:, 1:] != classes[:, :-1]] = 255
    found[1:][classes[1:] != classes[:-1]] = 255
    return found


def saliency(classes: np.ndarray) -> np.ndarray:
    """H x W to H x W: 0, 1 and 255."""
    return np.where(classes == IGNORED, IGNORED, np.isin(classes, SALIENT)).astype(np.uint8)


def main(root: Path) -> None:
    """Write both for every label of both splits."""
    for file in sorted(root.glob("*/semseg/*.png")):
        classes = np.asarray(Image.open(file))
        for task, made in (("edge", edges(classes)), ("saliency", saliency(classes))):
            target = file.parents[1] / task / file.name
            target.parent.mkdir(exist_ok=True)
            Image.fromarray(made).save(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
