"""Writes the packs that :mod:`facerec.data.formats.packed` reads."""

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from facerec.data.formats.pack_file import Header
from facerec.data.images import UnreadableImageError
from facerec.data.paths import PathList
from facerec.data.sources import Images, ImageSource
from facerec.files import held
from facerec.transforms.preprocess import resize

CHUNK = 512  # images between two lines of the journal, at most
CHUNK_BYTES = 1 << 26
PROBED = 32  # images looked at for their common size
SPARE = 256  # bytes for numbers of the header that are longer in the end
SHA256_HEX = "0" * 64

Size = tuple[int, int]


class Packed(NamedTuple):
    """What a packing did.

    Attributes:
        images: how many are in the pack.
        size: (height, width) of each.
        skipped: a message for each image left out.
        resumed: how many an earlier, interrupted packing had done.
    """

    images: int
    size: Size
    skipped: list[str]
    resumed: int


class Progress:
    """What is packed so far, on disk beside the pack, so that a killed packing goes on where it was.

    ``PATH.partial`` holds the pixels, ``PATH.partial.journal`` a line for each chunk of images: where it ends in the
    source, the checksum of each image packed (null for one left out), and why. Lines of another list of images, a line
    cut short, and those whose pixels did not reach the disk are not believed.
    """

    def __init__(self, path: Path, fingerprint: str, pixels_at: int, size: Size) -> None:
        self.partial = path.with_name(path.name + ".partial")
        self.journal = path.with_name(path.name + ".partial.journal")
        self.checksums: list[int | None] = []
        self.skipped: list[str] = []
        self._fingerprint = fingerprint
        self._pixels_at = pixels_at
        self._image_bytes = 3 * size[0] * size[1]

    def start(self) -> BinaryIO:
        """The file of pixels, positioned behind what is believed of it."""
        lines = self._earlier_lines()
        kept = [json.dumps({"fingerprint": self._fingerprint})]
        file = self.partial.open("r+b" if lines and self.partial.exists() else "w+b")
        file.seek(self._pixels_at)
        for line in lines:
            if not all(self._matches(file, checksum) for checksum in line["checksums"]):
                break
            kept.append(json.dumps(line))
            self._count(line)
        file.seek(self._pixels_at + self.images * self._image_bytes)
        file.truncate()
        self.journal.write_text("".join(line + "\n" for line in kept))
        return file

    @property
    def images(self) -> int:
        """How many are packed."""
        return sum(checksum is not None for checksum in self.checksums)

    def add(self, checksums: list[int | None], skipped: list[str]) -> None:
        """Note a chunk whose pixels have been written."""
        line = {"checksums": checksums, "skipped": skipped}
        with self.journal.open("a") as journal:
            journal.write(json.dumps(line) + "\n")
        self._count(line)

    def finish(self, path: Path) -> None:
        """Put the file in its place."""
        os.replace(self.partial, path)
        self.journal.unlink()

    def _count(self, line: dict[str, Any]) -> None:
        self.checksums += line["checksums"]
        self.skipped += line["skipped"]

    def _matches(self, file: BinaryIO, checksum: int | None) -> bool:
        return checksum is None or zlib.crc32(file.read(self._image_bytes)) == checksum

    def _earlier_lines(self) -> list[dict[str, Any]]:
        """Chunks of an interrupted packing of the same images, up to the first line that was cut short."""
        if not self.journal.exists():
            return []
        lines: list[dict[str, Any]] = []
        for line in self.journal.read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return lines[1:] if lines and lines[0] == {"fingerprint": self._fingerprint} else []


def common_size(source: Images) -> Size:
    """The one size of the images, as far as some of them tell.

    Raises:
        ValueError: naming two images that differ, or if none of those looked at decodes.
    """
    first: tuple[Size, str] | None = None
    for index in np.unique(np.linspace(0, len(source) - 1, PROBED).astype(int)).tolist():
        try:
            height, width = source.read(index).shape[1:]
        except UnreadableImageError:
            continue  # met again, and dealt with, when it is its turn
        if first is None:
            first = (height, width), source.name(index)
        elif first[0] != (height, width):
            raise ValueError(_sizes_differ(source.name(index), (height, width), first[0]))
    if first is None:
        raise ValueError(f"none of the {PROBED} images looked at decodes, {source.name(0)} for one")
    return first[0]


def pack(
    source: Images,
    path: str,
    root: str = "",
    image_size: Size | None = None,
    unreadable: Literal["raise", "skip"] = "raise",
    overwrite: bool = False,
    threads: int = 4,
) -> Packed:
    """Decode all images of a source into one file.

    A killed packing goes on where it was when it is started again with the same images, in the same order, and size,
    unless one of their files has changed meanwhile.

    Args:
        source: of the images; with their people, if it is an :class:`ImageSource`.
        path: of the pack. It appears under this name when it is complete.
        root: folder that names in the pack are relative to.
        image_size: (height, width) that images are resized to; by default their common size.
        unreadable: whether an image that does not decode is an error, or left out and reported.
        overwrite: replace a pack that is there already, once the new one is complete.
        threads: that decode.

    Returns:
        What was done.

    Raises:
        ValueError: if the pack is there already or being written, the images differ in size, the disk is too small, or
            nobody is left of a person.
        UnreadableImageError: for an image that does not decode, unless they are skipped.
    """
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"{path} is a folder: give the name of a file, {target / 'faces.pack'} for one")
    if target.exists() and not overwrite:
        raise ValueError(f"{path} is there already: remove it, or replace it with --overwrite")
    if len(source) == 0:
        raise ValueError(f"there are no images to pack into {path}")
    size = image_size or common_size(source)
    identities = list(source.identities) if isinstance(source, ImageSource) else []
    labels_N = source.labels if isinstance(source, ImageSource) else np.full(len(source), -1, dtype=np.int64)
    names = PathList("", (_relative(source.name(index), root) for index in range(len(source))))
    aligned = source.alignment
    header = Header(
        len(source), *size, identities, 1 << 62, 1 << 62, SHA256_HEX, None if aligned is None else aligned.as_dict()
    )
    pixels_at = -(-(len(header.to_bytes()) + SPARE) // 4096) * 4096
    header = header._replace(pixels_at=pixels_at)
    begun = _fingerprint(header, *names.arrays, labels_N, _stamps(source), np.array([unreadable == "skip"]))
    progress = Progress(target, begun, pixels_at, size)
    target.parent.mkdir(parents=True, exist_ok=True)
    with held(progress.partial):  # until it has its name: who came between would empty a finished pack
        with progress.start() as file:
            _refuse_full_disk(target, header.index_at - file.tell())
            resumed = len(progress.checksums)
            decoded = _decoded(source, size, image_size is None, unreadable, resumed, threads)
            for checksums, skipped, pixels in decoded:
                file.write(pixels)
                file.flush()
                progress.add(checksums, skipped)
            kept = np.array([checksum is not None for checksum in progress.checksums])
            _refuse_lost_people(labels_N, kept, identities, progress.skipped)
            _write_index(file, header, names, labels_N, kept, progress.checksums)
            os.fsync(file.fileno())
        progress.finish(target)
    return Packed(int(kept.sum()), size, progress.skipped, resumed)


def _decoded(
    source: Images, size: Size, must_fit: bool, unreadable: str, begin: int, threads: int
) -> Iterator[tuple[list[int | None], list[str], bytes]]:
    """Checksums, messages of what was left out, and pixels, chunk by chunk."""

    def read(index: int) -> NDArray[np.uint8] | str:
        try:
            image = source.read(index)
        except UnreadableImageError as error:
            if unreadable == "raise":
                raise UnreadableImageError(
                    f"{error}. Remove it, or leave such images out with --unreadable skip"
                ) from None
            return str(error)
        if must_fit and image.shape[1:] != size:
            raise ValueError(_sizes_differ(source.name(index), (image.shape[1], image.shape[2]), size))
        return np.ascontiguousarray(resize(image[None], size)[0].numpy())

    bar = tqdm(total=len(source), initial=begin, desc="packing", unit="image", delay=1)
    with ThreadPoolExecutor(threads) as pool, bar:
        count = max(1, min(CHUNK, CHUNK_BYTES // (3 * size[0] * size[1])))
        for start in range(begin, len(source), count):
            chunk = list(pool.map(read, range(start, min(start + count, len(source)))))
            checksums = [None if isinstance(image, str) else zlib.crc32(image.data) for image in chunk]
            pixels = b"".join(image.tobytes() for image in chunk if not isinstance(image, str))
            yield checksums, [image for image in chunk if isinstance(image, str)], pixels
            bar.update(len(chunk))


def _write_index(
    file: BinaryIO,
    header: Header,
    names: PathList,
    labels_N: NDArray[np.int64],
    kept: NDArray[np.bool_],
    checksums: list[int | None],
) -> None:
    """Write what stands behind the pixels, then the header in front of them."""
    ends, joined = PathList("", (name for name, keep in zip(names, kept, strict=True) if keep)).arrays
    crc = np.array([checksum for checksum in checksums if checksum is not None], dtype="<u4")
    index = labels_N[kept].astype("<i8").tobytes() + ends.astype("<i8").tobytes() + crc.tobytes() + joined.tobytes()
    header = header._replace(
        images=int(kept.sum()), index_bytes=len(index), index_sha256=hashlib.sha256(index).hexdigest()
    )
    file.seek(header.index_at)
    file.write(index)
    file.truncate()
    file.seek(0)
    file.write(header.to_bytes())
    file.flush()


def _fingerprint(header: Header, *arrays: NDArray[Any]) -> str:
    """Changes with the images, their order, people, size, and files."""
    digest = hashlib.sha256(header.to_bytes())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _stamps(source: Images) -> NDArray[np.int64]:
    """Bytes, time of change and number of the file of each image (N, 3); zeros for what has no file of its own."""
    stamps_N3 = np.zeros((len(source), 3), dtype=np.int64)
    for index in range(len(source)):
        try:
            status = os.stat(source.name(index))
        except (OSError, ValueError):
            continue
        stamps_N3[index] = status.st_size, status.st_mtime_ns, status.st_ino & (2**63 - 1)
    return stamps_N3


def _relative(name: str, root: str) -> str:
    """A name as it is below the root, with forward slashes."""
    below = Path(name)
    return below.relative_to(root).as_posix() if root and below.is_relative_to(root) else name


def _sizes_differ(name: str, size: Size, other: Size) -> str:
    return (
        f"{name} has {size[0]}x{size[1]} pixels (height x width), others {other[0]}x{other[1]}; the images of a pack "
        "have one size: give it with --image_size HEIGHT WIDTH"
    )


def _refuse_full_disk(target: Path, needed: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise ValueError(f"{target} would take {needed / 1e9:.1f} GB more, and {free / 1e9:.1f} GB are free there")


def _refuse_lost_people(
    labels_N: NDArray[np.int64], kept: NDArray[np.bool_], identities: list[str], skipped: list[str]
) -> None:
    """A class without images would be trained to nothing.

    Raises:
        ValueError: naming the first person without images.
    """
    if not kept.any():
        raise ValueError(f"not one image decodes, the first: {skipped[0]}")
    counts = np.bincount(labels_N[kept & (labels_N >= 0)], minlength=len(identities))
    if identities and not counts.all():
        lost = identities[int(np.argmin(counts))]
        raise ValueError(f"no image of {lost!r} decodes: remove this person from the data ({skipped[0]})")
