"""What one image is, and the examination of all images of a set by worker processes."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from facerec.data.images import FORMATS, is_image
from facerec.data.sources import Images
from facerec.inspection.hashing import fingerprint
from facerec.preparation.journal import Journal

IMAGES_AT_ONCE = 64


class ImageFacts(NamedTuple):
    """What is kept of an image.

    Attributes:
        error: why it does not decode; empty where it does, and only then the rest is known.
        file_bytes: size of its file; 0 where it has none of its own.
        width: in pixels.
        height: in pixels.
        mode: Pillow's name of the pixel format of the file (``RGB``, ``L``, ``CMYK``, ...).
        format: of the file (``JPEG``, ...).
        digest: of the bytes of the file, or of the pixels where it has none: equal where images are identical.
        fingerprint: perceptual hash, hexadecimal.
        mean: of each channel, in [0, 1].
        mean_square: of each channel.
    """

    error: str = ""
    file_bytes: int = 0
    width: int = 0
    height: int = 0
    mode: str = ""
    format: str = ""
    digest: str = ""
    fingerprint: str = ""
    mean: tuple[float, ...] = ()
    mean_square: tuple[float, ...] = ()


def examine(images: Images, index: int) -> ImageFacts:
    """Decode an image as training would, and note what is worth knowing of it."""
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
        fingerprint=fingerprint(picture).tobytes().hex(),
        mean=tuple((counts_3V @ values_V / pixels).tolist()),
        mean_square=tuple((counts_3V @ values_V**2 / pixels).tolist()),
    )


def _header(content: bytes) -> tuple[str, str]:
    """Mode and format of a file, empty where Pillow cannot tell: it refuses some JPEGs that torchvision decodes."""
    if not content:
        return "", ""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
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
    """Examine every image of a set, but those that the journal of an earlier run knows.

    Args:
        images: the set.
        name: of the set, for the progress bar.
        journal: what is known already; what is found is added to it.
        workers: processes that decode; 0 decodes here.
    """
    reading = hashlib.blake2b(repr(_reading(images)).encode(), digest_size=8).hexdigest()
    keys = [_key(images, index, reading) for index in range(len(images))]
    facts: list[ImageFacts | None] = [_from_journal(journal, key) for key in keys]
    missing = [index for index, known in enumerate(facts) if known is None]
    loader = DataLoader(_Examination(images, missing), IMAGES_AT_ONCE, num_workers=workers, collate_fn=_as_they_are)
    with tqdm(total=len(missing), desc=f"examining {name}", unit="image", delay=1, leave=False) as progress:
        for batch in loader:
            for index, found in batch:
                facts[index] = found
                if keys[index] and not found.error:
                    journal.add(keys[index], list(found))
            journal.flush()
            progress.update(len(batch))
    return [found for found in facts if found is not None]


def _key(images: Images, index: int, reading: str) -> str:
    """What tells that an image is still the one it was; empty for one without a file of its own."""
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

    These are its kind and settings, those of the source that it wraps, and the state of a list of landmarks.
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


def _from_journal(journal: Journal, key: str) -> ImageFacts | None:
    known = journal.get(key)
    if known is None:
        return None
    facts = ImageFacts(*known)
    return facts._replace(mean=tuple(facts.mean), mean_square=tuple(facts.mean_square))
