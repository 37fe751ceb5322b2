"""Writes the training sets that :mod:`facerec.data.formats.insightface` and insightface's own training read."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from facerec.data.formats.image_records import FLOAT32_EXACT, encode_entry
from facerec.data.formats.recordio import RecordWriter
from facerec.files import write_whole, written_whole


def write_records(
    root: str | Path,
    images: Sequence[bytes | Path],
    labels: Sequence[int] | NDArray[np.int64],
    image_size: tuple[int, int] = (112, 112),
    prefix: str = "train",
) -> None:
    """Write ``<prefix>.rec``, ``<prefix>.idx`` and ``property`` as insightface does.

    The images of a person follow one another. Each file appears whole; the index, without which nothing is read, last.

    Args:
        root: folder of the files.
        images: image files (N), as bytes or paths.
        labels: class of each image (N,), from 0.
        image_size: (height, width) to state in ``property``, for other readers.
        prefix: name of the files.

    Raises:
        ValueError: without images, for another number of labels than images, or for a label that is negative or not
            exact in a float32.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import write_records
        >>> with TemporaryDirectory() as root:
        ...     Image.new("RGB", (8, 8)).save(f"{root}/face.png")
        ...     write_records(f"{root}/set", [Path(root, "face.png")], labels=[0], image_size=(8, 8))
        ...     sorted(path.name for path in Path(root, "set").iterdir())
        ['property', 'train.idx', 'train.rec']
    """
    numbers_N = np.asarray(labels)
    _check_labels(len(images), numbers_N)
    order = np.argsort(numbers_N, kind="stable")
    people, starts = np.unique(numbers_N[order], return_index=True)
    bounds = [*(starts + 1).tolist(), len(images) + 1]  # keys of the first image of each person, and the key after all
    index_path = Path(root, f"{prefix}.idx")
    with written_whole(Path(root, f"{prefix}.rec")) as unfinished, unfinished.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(0, encode_entry([bounds[-1], bounds[-1] + len(people)], 0, b""))
        for key, place in enumerate(tqdm(order, desc="writing records", unit="image", delay=1, leave=False), start=1):
            image = images[place]
            content = image.read_bytes() if isinstance(image, Path) else image
            writer.write(key, encode_entry(float(numbers_N[place]), key, content))
        for key, span in enumerate(pairwise(bounds), start=bounds[-1]):
            writer.write(key, encode_entry(span, key, b""))
        index_path.unlink(missing_ok=True)  # an old index must never meet the new records
    write_whole(Path(root, "property"), f"{int(people[-1]) + 1},{image_size[0]},{image_size[1]}\n")
    write_whole(index_path, "".join(writer.index))


def _check_labels(images: int, numbers_N: NDArray[np.int64]) -> None:
    if images == 0 or numbers_N.shape != (images,):
        raise ValueError(f"{images} images and labels of shape {numbers_N.shape}: give one label for each image")
    if numbers_N.dtype.kind not in "iu" or numbers_N.min() < 0 or numbers_N.max() >= FLOAT32_EXACT:
        raise ValueError(f"labels must be whole numbers from 0 to {FLOAT32_EXACT - 1}, which a record holds exactly")
