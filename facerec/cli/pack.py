"""``facerec pack``: decode all images of a set once, into one file that training maps into memory."""

import argparse
from functools import cached_property
from pathlib import Path

from torch import Tensor

from facerec.cli.messages import messages
from facerec.data.formats.folders import FolderImages
from facerec.data.formats.lists import ListImages, ListPairs
from facerec.data.formats.pack_file import Pack
from facerec.data.layouts import find_sources
from facerec.data.sources import Images, PairSource
from facerec.preparation.packing import Packed, pack

EXAMPLES = """
what SRC may be:
  facerec pack DATA/train train.pack                               one folder for each person, or
                                                                   images/ and labels.txt (HW2P2)
  facerec pack DATA train.pack --part train                        the training images of a data root, any layout
  facerec pack DATA/images train.pack --labels_file DATA/train.txt   a list with lines 'image label'
  facerec pack DATA/ver_data pairs.pack --pairs DATA/val_pairs.txt DATA/test_pairs.txt
                                                                   the images that lists of pairs name

then train on it:
  facerec fit --config CONFIG --data.train PackedImages --data.train.path train.pack --data.val_pairs ...
and in YAML:
  data:
    train: {class_path: facerec.data.PackedImages, init_args: {path: train.pack}}
    val_pairs:
      pairs: {class_path: facerec.data.PackedPairs, init_args: {path: pairs.pack, pairs_file: DATA/val_pairs.txt}}

A pack takes 3 x height x width bytes for each image: 37,632 at 112x112, 16 GB for 431,550 images. DST appears when it
is complete. A packing that was stopped goes on where it was when the same command is given again. Opening a pack checks
its length and the checksums of header and index; those of the pixels are compared when the data module decodes images
before training (sets of up to 20,000), and by --verify.
"""


@messages(1, resumes=True)
def main(args: list[str]) -> int:
    """Pack, or verify a pack.

    Args:
        args: options, source and destination; see ``facerec pack --help``.

    Returns:
        Exit status: 0, 1 for data that cannot be packed or a pack that is damaged, 130 if interrupted.
    """
    parser = _parser()
    options = parser.parse_args(args)
    if options.verify == (options.destination is not None):
        parser.error("give SRC and DST, or --verify and a pack")
    return _verify(options.source) if options.verify else _pack(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facerec pack",
        description="Decode all images of a set once, into one file that training maps into memory.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "source", metavar="SRC", help="folder of people, data root, folder of images, or pack to verify"
    )
    parser.add_argument("destination", metavar="DST", nargs="?", help="file to write, e.g. train.pack")
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--part", choices=("train", "dev"), help="SRC is a data root: pack this part of it")
    chosen.add_argument("--labels_file", metavar="LIST", help="SRC holds the images that this list names")
    chosen.add_argument("--pairs", nargs="+", metavar="LIST", help="SRC holds the images that these lists name")
    chosen.add_argument("--verify", action="store_true", help="compare every image of the pack SRC with its checksum")
    parser.add_argument(
        "--image_size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="resize to it; default: the common size"
    )
    parser.add_argument(
        "--unreadable",
        choices=("raise", "skip"),
        default="raise",
        help="an image that does not decode is an error, or left out and reported (%(default)s)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace DST if it is there")
    parser.add_argument("--threads", type=int, default=4, help="that decode (%(default)s)")
    return parser


def _verify(path: str) -> int:
    opened = Pack(path)
    opened.verify()
    header = opened.header
    print(f"{path}: {header.images:,} images of {header.height}x{header.width}, all as they were written")
    return 0


def _pack(options: argparse.Namespace) -> int:
    if options.threads < 1 or (options.image_size and min(options.image_size) < 1):
        raise ValueError(f"--threads {options.threads}, --image_size {options.image_size}: must be at least 1")
    source, root = _source(options)
    source.check()
    size = tuple(options.image_size) if options.image_size else None
    done = pack(source, options.destination, root, size, options.unreadable, options.overwrite, options.threads)
    _report(options.destination, done)
    return 0


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
            "--part dev, or name the folder of people itself; images with a list need --labels_file"
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
