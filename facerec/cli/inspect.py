"""``facerec inspect``: what a folder of faces contains, before anything is trained on it."""

import argparse
import math
import os
import shlex
from pathlib import Path
from typing import get_args

from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.config_files import read_config
from facerec.cli.configuration import data_module
from facerec.cli.status import Status
from facerec.data import FaceDataModule, ImageSource
from facerec.data.layouts import Layout
from facerec.data.sources import Images
from facerec.files import written_whole
from facerec.inspection import inspect_sets, named_sets
from facerec.inspection.augmented import augmentation_rows, person_images
from facerec.inspection.figures import sheet
from facerec.inspection.printing import report_lines
from facerec.inspection.report import NEAR_DISTANCE
from facerec.inspection.sets import role_sets
from facerec.settings import require_within

CONFIG_SUFFIXES = (".yaml", ".yml")
EXAMPLES = """\
facerec inspect DIR                                    a root of training data, or plain folders of people
facerec inspect experiments/orl_resnet18_arcface.yaml  the sources that a configuration names
facerec inspect DIR --workers 4 --near_distance 44     more processes; other crops of a photograph count as near, too
facerec inspect --augment experiments/orl_resnet18_arcface.yaml
facerec inspect --augment CONFIG DIR --person n000001  one person of DIR under the augmentation of CONFIG"""
NOTES = """\
The output folder gets report.json, duplicates.csv (one line for each pair), duplicates.png (the first pairs),
histogram.png (images per person), contact_sheet.png and journal.jsonl, from which an interrupted run goes on. With
--augment it gets augmentation.png."""


def main(args: list[str]) -> Status:
    """Inspect a data set, or draw an augmentation.

    Args:
        args: options; see ``facerec inspect --help``.

    Returns:
        DONE.
    """
    parser = make_parser()
    options = parser.parse_args(args)
    if options.data is None and options.augment is None:
        parser.error("give a folder DATA, or --augment CONFIG")
    (_draw_augmentation if options.augment else _inspect)(options)
    return Status.DONE


def make_parser() -> CommandParser:
    """The options of ``facerec inspect``."""
    description = "Count people and images, and find broken files, duplicates, and people who are in two sets."
    parser = command_parser("inspect", description, EXAMPLES, NOTES)
    parser.add_argument("data", nargs="?", metavar="DATA", help="folder in any known layout, or configuration file")
    parser.add_argument("--layout", choices=get_args(Layout), help="layout of DATA (default: detected)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="output folder (default: inspection/NAME of DATA)")
    parser.add_argument(
        "--workers",
        type=int,
        default=min(2, os.cpu_count() or 1),
        metavar="N",
        help="number of decoding processes (default: %(default)s); 0 for this process alone",
    )
    parser.add_argument(
        "--near_distance",
        type=int,
        default=NEAR_DISTANCE,
        metavar="BITS",
        help="largest number of different bits, of 256, in the perceptual hashes of near duplicates "
        "(default: %(default)s)",
    )
    parser.add_argument("--augment", metavar="CONFIG", help="configuration whose augmentations to draw instead")
    parser.add_argument("--person", metavar="NAME", help="with --augment: person to draw (default: the first)")
    parser.add_argument(
        "--draws", type=int, default=8, metavar="N", help="with --augment: draws of each (default: %(default)s)"
    )
    return parser


def _inspect(options: argparse.Namespace) -> None:
    require_within("--", 0, math.inf, workers=options.workers)
    module = _configured(options.data)
    named = _sets(options.data, options.layout)
    output = options.output or Path("inspection", _name(options.data))
    if Path(options.data).is_dir() and output.resolve().is_relative_to(Path(options.data).resolve()):
        raise ValueError(f"results in {output} would lie among the images of {options.data}: give --output elsewhere")
    found = inspect_sets(named, output, options.workers, options.near_distance)
    print("\n".join(report_lines(found.report, found.sets)))
    if module is not None and (told := module.told_of_shallow()):
        print(told)
    if list(named) == ["images"]:
        print(f"\nnext: facerec split {shlex.quote(options.data)} SET chooses people to train on and pairs of others")
    print(f"\nkept in {output}")


def _configured(data: str) -> FaceDataModule | None:
    """The data of a configuration file; None for a folder."""
    return data_module(read_config(data)) if Path(data).suffix in CONFIG_SUFFIXES else None


def _sets(data: str, layout: Layout | None) -> dict[str, Images]:
    module = _configured(data)
    if module is None:
        return named_sets(data, layout)
    return role_sets(module.train, module.dev, dict(module.pair_sets("val")), dict(module.pair_sets("test")))


def _name(data: str) -> str:
    path = Path(data).resolve()
    return path.stem if path.suffix in CONFIG_SUFFIXES else path.name or "root"


def _draw_augmentation(options: argparse.Namespace) -> None:
    require_within("--", 1, math.inf, draws=options.draws)
    settings = read_config(options.augment)
    module = data_module(settings)
    source: Images | None = None
    if options.data is not None:
        source = next(iter(_sets(options.data, options.layout).values()))
    elif (settings.get("data") or {}).keys() & {"root", "train"}:
        source = module.train
    if not isinstance(source, ImageSource):
        raise ValueError(
            f"{options.data or options.augment} names no training images: facerec inspect DATA --augment "
            f"{options.augment}, where DATA is a folder or a configuration with training images"
        )
    index = person_images(source, options.person)[0]
    rows = augmentation_rows(
        source, index, module.augment, module.mix, module.image_size, module.seed, options.draws, module.transforms
    )
    output = options.output or Path("inspection", _name(options.augment))
    with written_whole(output / "augmentation.png") as path:
        sheet(rows).save(path)
    print(f"{source.name(index)}: {len(rows)} rows, {options.draws} draws, in {output / 'augmentation.png'}")
