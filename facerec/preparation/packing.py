"""Decodes all images of a source into one file, which :mod:`facerec.data.formats.packed` reads."""

import math
import shutil
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from facerec.data.images import UnreadableImageError
from facerec.data.sources import Images
from facerec.preparation.pack_plan import check_size, common_size, plan_pack
from facerec.preparation.unfinished_pack import Chunk, unfinished_pack
from facerec.settings import require_choice, require_within
from facerec.threads import work_ahead
from facerec.transforms.preprocess import resize

CHUNK = 512  # images that are written together, at most
CHUNK_BYTES = 1 << 26

Unreadable = Literal["raise", "skip"]


class Packed(NamedTuple):
    """What a packing did.

    Attributes:
        images: number of images in the pack.
        size: (height, width) of each.
        skipped: a message for each image left out.
        resumed: number of images of the source that an earlier, interrupted packing had done.

    Example:
        >>> done = Packed(images=15, size=(112, 112), skipped=["b/2.jpg does not decode: it is empty"], resumed=0)
        >>> f"{done.images} packed, {len(done.skipped)} left out"
        '15 packed, 1 left out'
    """

    images: int
    size: tuple[int, int]
    skipped: list[str]
    resumed: int


def pack(
    source: Images,
    path: str,
    root: str = "",
    image_size: tuple[int, int] | None = None,
    unreadable: Unreadable = "raise",
    overwrite: bool = False,
    threads: int = 4,
) -> Packed:
    """Decode all images of a source into one file.

    A killed packing goes on when it is started again with the same images in the same order and size. If one of their
    files has changed meanwhile, it begins anew.

    Args:
        source: of the images. The pack names their people if it is a :class:`facerec.data.ImageSource`.
        path: of the pack. It appears under this name when it is complete.
        root: folder that names in the pack are relative to.
        image_size: (height, width) that images are resized to; by default their common size.
        unreadable: ``raise`` an error for an image that does not decode, or ``skip`` it and report it.
        overwrite: replace an existing pack, once the new one is complete.
        threads: number of decoding threads.

    Returns:
        What was done.

    Raises:
        ValueError: if the pack exists already or another process is writing it, the images differ in size, the disk is
            too small, or no image of a person decodes.
        UnreadableImageError: for an image that does not decode, unless it is skipped.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import FolderImages, PackedImages
        >>> with TemporaryDirectory() as folder:
        ...     for person in ("ada", "ben"):
        ...         Path(folder, "faces", person).mkdir(parents=True)
        ...         Image.new("RGB", (8, 10)).save(Path(folder, "faces", person, "1.png"))
        ...     done = pack(FolderImages(f"{folder}/faces"), f"{folder}/faces.pack", root=f"{folder}/faces")
        ...     PackedImages(f"{folder}/faces.pack").identities
        ['ada', 'ben']
        >>> done
        Packed(images=2, size=(10, 8), skipped=[], resumed=0)
    """
    require_choice("pack", ("raise", "skip"), unreadable=unreadable)
    require_within("pack", 1, math.inf, threads=threads)
    target = Path(path)
    _check_target(target, overwrite)
    if len(source) == 0:
        raise ValueError(f"there are no images to pack into {path}")
    size = image_size or common_size(source)
    require_within("pack", 1, math.inf, height=size[0], width=size[1])
    plan = plan_pack(source, root, size)
    with unfinished_pack(target, plan.header, plan.fingerprint(unreadable)) as draft:
        _refuse_full_disk(target, draft.bytes_to_write)
        resumed = len(draft.checksums)
        for chunk in _decoded(source, size, image_size is None, unreadable, resumed, threads):
            draft.add(chunk)
        _refuse_lost_people(plan.labels, draft.kept, plan.header.identities, draft.skipped)
        draft.write_index(plan.names, plan.labels)
    return Packed(int(draft.kept.sum()), size, draft.skipped, resumed)


def _check_target(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise ValueError(f"{target} is a folder: give the name of a file, {target / 'faces.pack'} for one")
    if target.exists() and not overwrite:
        raise ValueError(f"{target} is there already: remove it, or replace it with --overwrite")


def _decoded(
    source: Images, size: tuple[int, int], must_fit: bool, unreadable: Unreadable, begin: int, threads: int
) -> Iterator[Chunk]:
    """The images from ``begin`` on, chunk by chunk."""

    def read(index: int) -> NDArray[np.uint8] | str:
        try:
            image = source.read(index)
        except UnreadableImageError as error:
            if unreadable == "raise":
                raise UnreadableImageError(
                    f"{error}. Remove it, or leave such images out with --unreadable skip"
                ) from None
            return str(error)
        if must_fit:
            check_size(source.name(index), (image.shape[1], image.shape[2]), size)
        return np.ascontiguousarray(resize(image[None], size)[0].numpy())

    count = max(1, min(CHUNK, CHUNK_BYTES // (3 * size[0] * size[1])))
    images = work_ahead(read, range(begin, len(source)), threads, ahead=count)
    with tqdm(total=len(source), initial=begin, desc="packing", unit="image", delay=1) as bar:
        while some := list(islice(images, count)):
            checksums = [None if isinstance(image, str) else zlib.crc32(image.data) for image in some]
            pixels = b"".join(image.tobytes() for image in some if not isinstance(image, str))
            yield Chunk(checksums, [image for image in some if isinstance(image, str)], pixels)
            bar.update(len(some))


def _refuse_full_disk(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise ValueError(f"{target} would take {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free there")


def _refuse_lost_people(
    labels_N: NDArray[np.int64], kept_N: NDArray[np.bool_], identities: list[str], skipped: list[str]
) -> None:
    """Refuse to leave a person without images: such a class would be trained to nothing.

    Raises:
        ValueError: naming the first person without images.
    """
    if not kept_N.any():
        raise ValueError(f"not one image decodes, the first: {skipped[0]}")
    counts = np.bincount(labels_N[kept_N & (labels_N >= 0)], minlength=len(identities))
    if identities and not counts.all():
        lost = identities[int(np.argmin(counts))]
        raise ValueError(f"no image of {lost!r} decodes: remove this person from the data ({skipped[0]})")
