"""``facerec pack``: decode a set of images once, into one file that training maps into memory."""

import argparse
import math
from functools import cached_property
from pathlib import Path

from torch import Tensor

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.status import Status
from facerec.data.formats.folders import FolderImages
from facerec.data.formats.lists import ListImages, ListPairs
from facerec.data.formats.pack_file import Pack
from facerec.data.layouts import find_sources
from facerec.data.sources import Images, PairSource
from facerec.preparation.packing import Packed, pack
from facerec.settings import require_within

EXAMPLES = """\
facerec pack DATA/train train.pack                                  one folder for each person, or
                                                                    images/ and labels.txt (HW2P2)
facerec pack DATA train.pack --part train                           training images of a data root, any layout
facerec pack DATA/images train.pack --labels_file DATA/train.txt    images of a list with lines `image label`
facerec pack DATA/ver_data pairs.pack --pairs DATA/val_pairs.txt DATA/test_pairs.txt
                                                                    images of lists of pairs
facerec pack train.pack --verify"""
NOTES = """\
Train on the pack:
  facerec fit --config CONFIG --data.train PackedImages --data.train.path train.pack --data.val_pairs ...
or in YAML:
  data:
    train: {class_path: facerec.data.PackedImages, init_args: {path: train.pack}}
    val_pairs:
      pairs: {class_path: facerec.data.PackedPairs, init_args: {path: pairs.pack, pairs_file: DATA/val_pairs.txt}}

A pack takes 3 x height x width bytes for each image: 37,632 at 112x112, 16 GB for 431,550 images. DST appears when it
is complete. After an interruption, the same command goes on where it was. Opening a pack checks its length and the
checksums of header and index. Checksums of the pixels are compared by --verify, and by the data module when it decodes
images before training (sets of up to 20,000)."""
MEANINGS = {Status.INCOMPLETE: "some images left out (--unreadable skip)"}


def main(args: list[str]) -> Status:
    """Pack, or verify a pack.

    Args:
        args: options, source and destination; see ``facerec pack --help``.

    Returns:
        DONE, or INCOMPLETE if images were left out.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    if options.verify == (options.destination is not None):
        parser.error("give SRC and DST, or --verify and a pack")
    return _verify(options.source) if options.verify else _pack(options)


def make_parser() -> CommandParser:
    """The options of ``facerec pack``."""
    description = "Decode a set of images once, into one file that training maps into memory."
    parser = command_parser("pack", description, EXAMPLES, NOTES, MEANINGS)
    parser.add_argument(
        "source", metavar="SRC", help="folder of people, data root or folder of images; with --verify, a pack"
    )
    parser.add_argument("destination", metavar="DST", nargs="?", help="file to write, such as train.pack")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--part", choices=("train", "dev"), help="part of the data root SRC to pack")
    chosen.add_argument("--labels_file", metavar="LIST", help="list that names the images of SRC to pack")
    chosen.add_argument("--pairs", nargs="+", metavar="LIST", help="lists of pairs that name the images of SRC to pack")
    chosen.add_argument("--verify", action="store_true", help="compare every image of the pack with its checksum")
    parser.add_argument(
        "--image_size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="size to resize images to (default: their common size)",
    )
    parser.add_argument(
        "--unreadable",
        choices=("raise", "skip"),
        default="raise",
        help="whether to stop at an image that does not decode, or to leave it out and report it "
        "(default: %(default)s)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing DST")
    parser.add_argument(
        "--threads", type=int, default=4, metavar="N", help="number of decoding threads (default: %(default)s)"
    )
    return parser


def _verify(path: str) -> Status:
    opened = Pack(path)
    opened.verify()
    header = opened.header
    print(f"{path}: {header.images:,} images of {header.height}x{header.width}, all as they were written")
    return Status.DONE


def _pack(options: argparse.Namespace) -> Status:
    require_within("--", 1, math.inf, threads=options.threads)
    if options.image_size:
        require_within("--", 1, math.inf, image_size=min(options.image_size))
    source, root = _source(options)
    source.check()
    size = tuple(options.image_size) if options.image_size else None
    done = pack(source, options.destination, root, size, options.unreadable, options.overwrite, options.threads)
    _report(options.destination, done)
    unread = source.unread()
    print(*unread, sep="\n", end="\n" if unread else "")
    return Status.INCOMPLETE if done.skipped or unread else Status.DONE


def _report(path: str, done: Packed) -> None:
    again = f", {done.resumed:,} of them by an earlier run" if done.resumed else ""
    print(f"{path}: {done.images:,} images of {done.size[0]}x{done.size[1]}{again}")
    if done.skipped:
        print(f"left out {len(done.skipped):,} images that do not decode:", *done.skipped, sep="\n  ")


def _source(options: argparse.Namespace) -> tuple[Images, str]:
    """The images to pack, and the folder that their names are relative to."""
    folder = Path(options.source)
    if options.part:
        found = find_sources(options.source)
        part = found.train if options.part == "train" else found.dev
        if part is None:
            raise ValueError(f"{folder} has no {options.part} images")
        root = part.root if isinstance(part, FolderImages) else getattr(part, "images", options.source)
        return part, root
    if options.labels_file:
        return ListImages(options.source, options.labels_file), options.source
    if options.pairs:
        return ImagesOfPairs([ListPairs(options.source, file) for file in options.pairs]), options.source
    if (folder / "labels.txt").is_file() and (folder / "images").is_dir():  # a part of HW2P2
        return ListImages(str(folder / "images"), str(folder / "labels.txt")), str(folder / "images")
    if any((folder / name).exists() for name in ("labels.txt", "train.txt", "train", "cls_data")):
        raise ValueError(
            f"{folder} looks like a data root, not like one folder for each person: say which part, --part train or "
            "--part dev, or give the folder of people itself. Images with a list need --labels_file"
        )
    return FolderImages(options.source), options.source


class ImagesOfPairs(Images):
    """The images of some lists of pairs, each once, nobody named."""

    def __init__(self, sources: list[PairSource]) -> None:
        self._sources = sources

    @cached_property
    def _places(self) -> list[tuple[PairSource, int]]:
        seen: dict[str, tuple[PairSource, int]] = {}
        for source in self._sources:
            for index in range(len(source)):
                seen.setdefault(source.name(index), (source, index))
        return list(seen.values())

    def __len__(self) -> int:
        return len(self._places)

    def read(self, index: int) -> Tensor:
        """Decode one image: uint8 (3, H, W), RGB."""
        source, place = self._places[index]
        return source.read(place)

    def name(self, index: int) -> str:
        """Its path."""
        source, place = self._places[index]
        return source.name(place)

    def check(self) -> None:
        """Read the lists and see that every file is there."""
        for source in self._sources:
            source.check()
