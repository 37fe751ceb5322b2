"""Examines images: one, or all images of a set in worker processes."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from facerec.data.images import is_image, open_image
from facerec.data.sources import Images
from facerec.inspection.hashing import perceptual_hash
from facerec.journal import Journal

IMAGES_AT_ONCE = 64


class ImageFacts(NamedTuple):
    """What an examination notes of an image.

    Attributes:
        error: why it does not decode; empty if it does, and only then the rest is known.
        file_bytes: size of its file; 0 if it has none of its own.
        width: in pixels.
        height: in pixels.
        mode: Pillow's name of the pixel format of the file (``RGB``, ``L``, ``CMYK``, ...).
        format: of the file (``JPEG``, ...).
        digest: of the bytes of the file, or of the pixels without a file. Identical images have equal digests.
        perceptual_hash: 256 bits, hexadecimal.
        mean: of each channel, in [0, 1].
        mean_square: of each channel.

    Example:
        >>> ImageFacts(error="ada.jpg does not decode as an image: it is empty").width
        0
    """

    error: str = ""
    file_bytes: int = 0
    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    digest: str = ""
    perceptual_hash: str = ""
    mean: tuple[float, ...] = ()
    mean_square: tuple[float, ...] = ()


def examine(images: Images, index: int) -> ImageFacts:
    """Decode an image as training would, and note what is worth knowing of it.

    Example:
        >>> from facerec.data import ORLImages
        >>> facts = examine(ORLImages("dev"), 0)
        >>> facts.width, facts.height, facts.mode, facts.format
        (92, 112, 'L', 'PPM')
    """
    path = Path(images.name(index))
    try:
        pixels_HW3 = np.ascontiguousarray(images.read(index).numpy().transpose(1, 2, 0))
        content = path.read_bytes() if is_image(path) and path.is_file() else b""
    except (OSError, ValueError) as error:
        return ImageFacts(error=str(error))
    picture = Image.fromarray(pixels_HW3)
    mode, kind = _header(content)
    counts_3V = np.array(picture.histogram(), dtype=np.float64).reshape(3, 256)
    values_V = np.arange(256) / 255.0
    pixels = picture.width * picture.height
    return ImageFacts(
        file_bytes=len(content),
        width=picture.width,
        height=picture.height,
        mode=mode,
        format=kind,
        digest=hashlib.blake2b(content or pixels_HW3.tobytes(), digest_size=16).hexdigest(),
        perceptual_hash=perceptual_hash(picture).tobytes().hex(),
        mean=tuple((counts_3V @ values_V / pixels).tolist()),
        mean_square=tuple((counts_3V @ values_V**2 / pixels).tolist()),
    )


def _header(content: bytes) -> tuple[str, str]:
    """Mode and format of a file; empty if Pillow refuses it, as it does some JPEGs that torchvision decodes."""
    if not content:
        return "", ""
    try:
        with open_image(content) as image:
            return image.mode, image.format or ""
    except Exception:  # Pillow raises anything from OSError to SyntaxError on an odd file
        return "", ""


class _Examination(Dataset[tuple[int, ImageFacts]]):
    """Lets the workers of a loader examine some images of a set."""

    def __init__(self, images: Images, indices: list[int]) -> None:
        self.images = images
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> tuple[int, ImageFacts]:
        return self.indices[position], examine(self.images, self.indices[position])


def _as_they_are(facts: list[tuple[int, ImageFacts]]) -> list[tuple[int, ImageFacts]]:
    return facts


def examine_all(images: Images, name: str, journal: Journal, workers: int = 0) -> list[ImageFacts]:
    """Examine every image of a set, except those in the journal.

    Args:
        images: the set.
        name: of the set, for the progress bar.
        journal: entries (key, facts) of earlier runs; this run adds its own.
        workers: number of decoding processes; 0 decodes in this one.
    """
    reading = hashlib.blake2b(repr(_reading(images)).encode(), digest_size=8).hexdigest()
    keys = [_key(images, index, reading) for index in range(len(images))]
    known: dict[str, list[Any]] = dict(journal.entries)
    facts: list[ImageFacts | None] = [_as_facts(known.get(key)) for key in keys]
    missing = [index for index, found in enumerate(facts) if found is None]
    loader = DataLoader(_Examination(images, missing), IMAGES_AT_ONCE, num_workers=workers, collate_fn=_as_they_are)
    with tqdm(total=len(missing), desc=f"examining {name}", unit="image", delay=1, leave=False) as progress:
        for batch in loader:
            for index, found in batch:
                facts[index] = found
                if keys[index] and not found.error:
                    journal.add(keys[index], found)
            progress.update(len(batch))
    return [found for found in facts if found is not None]


def _key(images: Images, index: int, reading: str) -> str:
    """Changes with the file of an image and the way it is read; empty for an image without a file of its own."""
    path = Path(images.name(index))
    if not is_image(path):
        return ""
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{reading} {status.st_size} {status.st_mtime_ns} {status.st_ino} {path}"


def _reading(images: Images) -> list[object]:
    """What decides which pixels a source makes of a file.

    That is its kind and settings, those of the source that it wraps, and the state of a list of landmarks.
    """
    found: list[object] = [type(images).__name__]
    for name, value in sorted(vars(images).items()):
        if isinstance(value, Images):
            found += [name, *_reading(value)]
        elif not name.startswith("_") and isinstance(value, (str, int, float, tuple)):
            found += [name, str(value)]
    landmarks = Path(getattr(images, "landmarks_file", ""))
    if landmarks.is_file():
        found += [landmarks.stat().st_size, landmarks.stat().st_mtime_ns]
    return found


def _as_facts(entry: list[Any] | None) -> ImageFacts | None:
    if entry is None:
        return None
    facts = ImageFacts(*entry)
    return facts._replace(mean=tuple(facts.mean), mean_square=tuple(facts.mean_square))
