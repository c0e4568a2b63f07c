"""From the bytes of a picture file to pixels: as many bits as its header says, the way up that is asked for.

Files come from anywhere: every decoder's error, whatever its type, becomes a BadFile.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.data.files.bad_file import BadFile

#: What to do with a picture that asks to be shown turned or mirrored: nothing but to refuse it; to turn its
#: pixels; to leave them as they are stored.
Orientation = Literal["refuse", "apply", "ignore"]

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm")
#: Below Pillow's own limit, so that its warning never comes alone.
MAX_PIXELS = 80_000_000
WHOLE = 16  # bits of a number of a deep picture, all of them used

_IMAGE_FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")
_IMAGE_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N")
_EXIF_ORIENTATION = 0x0112
_UPRIGHT = 1


@dataclass(frozen=True)
class Picture:
    """Pixels (H x W x 3, uint8, or uint16 of a file of 16 bits) and the EXIF orientation of the file."""

    pixels: NDArray[Any]
    orientation: int = _UPRIGHT


def read_image(data: bytes, exif: Orientation = "refuse", bits: int = WHOLE) -> NDArray[np.uint8]:
    """An RGB image (H x W x 3): ``read_picture``, then ``as_bytes``. Raises BadFile."""
    return as_bytes(read_picture(data, exif).pixels, bits)


def read_picture(data: bytes, exif: Orientation = "refuse") -> Picture:
    """An RGB picture without its transparency, all the bits of its numbers kept. Raises BadFile."""
    picture = open_picture(data, _IMAGE_FORMATS)
    read = _reader(picture, data)  # before the search for EXIF data: that decodes PNG files, and cuts them
    orientation = orientation_of(picture, exif)
    return Picture(placed(read(), orientation, exif, is_placed=picture.format == "TIFF"), orientation)


def as_bytes(pixels: NDArray[Any], bits: int = WHOLE) -> NDArray[np.uint8]:
    """Numbers of 0 .. 2^bits - 1 as 0 .. 255; bytes stay as they are.

    Cameras store 12 bits in files of 16, and no header says so. Raises BadFile for larger numbers.
    """
    if pixels.dtype == np.uint8:
        return pixels
    top = 2**bits - 1
    if (most := int(pixels.max(initial=0))) > top:
        raise BadFile("bits", f"holds {most}, and numbers of {bits} bits end at {top}; correct image.bits")
    scaled: NDArray[np.uint8] = _scaling(bits).take(pixels)
    return scaled


@cache
def _scaling(bits: int) -> NDArray[np.uint8]:
    scale: NDArray[np.uint8] = np.rint(np.arange(2**bits) * (255 / (2**bits - 1))).astype(np.uint8)
    return scale


def open_picture(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """A picture whose header is sound and not too large; nothing is decoded yet. Raises BadFile."""
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadFile("unreadable", f"has more than {MAX_PIXELS // 10**6} megapixels") from None
    except Exception as error:  # decoders raise anything on hostile bytes
        raise BadFile("unreadable", f"is no {' or '.join(formats)} file or is damaged") from error
    if picture.width * picture.height > MAX_PIXELS:
        raise BadFile("unreadable", f"has more than {MAX_PIXELS // 10**6} megapixels")
    return picture


def loaded(picture: Image.Image, mode: str | None = None) -> Image.Image:
    """The picture, decoded, in this mode. Raises BadFile."""
    try:
        picture.load()
        return picture if mode in (None, picture.mode) else picture.convert(mode)
    except Exception as error:  # decoders raise anything on hostile bytes
        raise BadFile("unreadable", f"is damaged: {error}") from error


def orientation_of(picture: Image.Image, exif: Orientation) -> int:
    """The EXIF orientation, 1 to 8 (TIFF/EP and EXIF 2.32, tag 274). Raises BadFile where it is refused."""
    try:
        found = picture.getexif().get(_EXIF_ORIENTATION, _UPRIGHT)
    except Exception as error:  # decoders raise anything on hostile bytes
        raise BadFile("unreadable", f"is damaged: {error}") from error
    orientation = found if isinstance(found, int) and found in _TURNS else _UPRIGHT
    if exif == "refuse" and orientation != _UPRIGHT:
        raise BadFile(
            "orientation",
            f"has EXIF orientation {orientation}: viewers show it turned or mirrored against what is stored; "
            "save it upright, or say image.exif: apply if labels fit what viewers show, ignore if they fit "
            "the pixels as stored",
        )
    return orientation


def placed(
    pixels: NDArray[Any], orientation: int, exif: Orientation, *, is_placed: bool = False
) -> NDArray[Any]:
    """The pixels (H x W ...) as they are to be used; ``is_placed``: the decoder has already turned them."""
    if is_placed == (exif == "apply"):
        return pixels
    turn = _INVERSE.get(orientation, orientation) if is_placed else orientation
    return pixels if turn == _UPRIGHT else np.ascontiguousarray(_TURNS[turn](pixels))


_Turn = Callable[[NDArray[Any]], NDArray[Any]]
#: What brings stored pixels upright, by orientation.
_TURNS: Mapping[int, _Turn] = {
    _UPRIGHT: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}
_INVERSE = {6: 8, 8: 6}  # the others undo themselves


def _reader(picture: Image.Image, data: bytes) -> Callable[[], NDArray[Any]]:
    """What reads the pixels (H x W x 3), all bits of them: Pillow cuts colours of 16 bits to 8.

    Raises BadFile for pixels that are no image, and for colours of 16 bits that cannot be read whole.
    """
    if picture.mode in _DEEP_MODES or (picture.mode == "I" and picture.format == "PPM"):
        return partial(_deep_grey, picture)
    if picture.mode not in _IMAGE_MODES:
        raise BadFile(
            "unreadable",
            f"has pixels of mode {picture.mode}; an image should have 8 or 16 bits a channel, whole numbers",
        )
    codings = {_coding(tile) for tile in getattr(picture, "tile", ())}
    if not any(";16" in coding for coding in codings):
        return lambda: np.array(loaded(picture, "RGB"))  # a copy: torch wants to write
    if not codings <= _OTHER_HALF.keys():
        kind = f"{picture.format} of 16 bits a channel ({', '.join(sorted(codings))})"
        raise BadFile("unreadable", f"is a {kind}, which cannot be read whole; save it as PNG")
    return partial(_deep_colours, picture, data)


def _deep_grey(picture: Image.Image) -> NDArray[np.uint16]:
    return np.repeat(np.asarray(loaded(picture)).astype(np.uint16)[..., None], 3, axis=2)


def _deep_colours(picture: Image.Image, data: bytes) -> NDArray[np.uint16]:
    """Decoded twice: for the high bytes, and with the order of bytes told wrongly for the low ones."""
    other: Any = open_picture(data, _IMAGE_FORMATS)
    is_grey = any(_coding(tile) == "LA;16B" for tile in other.tile)
    other.tile = [_told(tile, _OTHER_HALF[_coding(tile)]) for tile in other.tile]
    high, low = (np.asarray(loaded(half)).astype(np.uint16)[..., :3] for half in (picture, other))
    if is_grey:  # the low bytes are told as RGBA: high and low of grey, high and low of transparency
        low = low[..., [1, 1, 1]]
    whole: NDArray[np.uint16] = high * np.uint16(256) + low
    return whole


#: Pillow's names of how colours of 16 bits lie in a file, and the name by which it takes the other bytes.
_OTHER_HALF: Mapping[str, str] = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "LA;16B": "RGBA",
}


def _coding(tile: Any) -> str:
    return str(tile.args[0] if isinstance(tile.args, tuple) and tile.args else tile.args)


def _told(tile: Any, coding: str) -> Any:
    return tile._replace(args=(coding, *tile.args[1:]) if isinstance(tile.args, tuple) else coding)
