"""``facerec inspect``: what a folder of faces holds, before anything is trained on it."""

import argparse
import os
import shlex
from pathlib import Path
from typing import Any, get_args

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from facerec.cli.messages import messages
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

CONFIG_SUFFIXES = (".yaml", ".yml")
EXAMPLES = """examples:
  facerec inspect DIR                                    a root of training data, or plain folders of people
  facerec inspect experiments/orl_resnet18_arcface.yaml  the sources that a configuration names
  facerec inspect DIR --workers 4 --near_distance 44     more processes; other crops of a photograph count as near, too
  facerec inspect --augment experiments/orl_resnet18_arcface.yaml
  facerec inspect --augment CONFIG DIR --person n000001  one person of DIR under the augmentation of CONFIG

In the output folder: report.json, duplicates.csv (a line for each pair found), duplicates.png (the first of them),
histogram.png (images per person), contact_sheet.png, and journal.jsonl, from which an interrupted run goes on; or, with
--augment, augmentation.png."""


@messages(1, resumes=True)
def main(args: list[str]) -> int:
    """Inspect a data set, or draw an augmentation.

    Args:
        args: options; see ``facerec inspect --help``.

    Returns:
        Exit status: 0, 1 for data that cannot be used, 130 if interrupted.
    """
    parser = _parser()
    options = parser.parse_args(args)
    if options.data is None and options.augment is None:
        parser.error("give a folder DATA, or --augment CONFIG")
    (_draw_augmentation if options.augment else _inspect)(options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facerec inspect",
        description="Count people and images, find what does not decode, what is there twice, and who is in two sets.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("data", nargs="?", metavar="DATA", help="a folder in any known layout, or a configuration")
    parser.add_argument("--layout", choices=get_args(Layout), help="name the layout rather than have it told")
    parser.add_argument("--output", type=Path, metavar="DIR", help="where results go (inspection/NAME of the data)")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="processes (%(default)s)")
    parser.add_argument(
        "--near_distance",
        type=int,
        default=NEAR_DISTANCE,
        metavar="BITS",
        help="largest number of the 256 bits of the perceptual hash in which near duplicates differ (%(default)s)",
    )
    parser.add_argument("--augment", metavar="CONFIG", help="draw one person under each augmentation of CONFIG instead")
    parser.add_argument("--person", help="with --augment: whose face to draw; by default the first")
    parser.add_argument("--draws", type=int, default=8, help="with --augment: draws of each (%(default)s)")
    return parser


def _inspect(options: argparse.Namespace) -> None:
    if options.workers < 0:
        raise ValueError(f"--workers {options.workers}: 0 decodes in this process, more in as many others")
    named = _sets(options.data, options.layout)
    output = options.output or Path("inspection", _name(options.data))
    if Path(options.data).is_dir() and output.resolve().is_relative_to(Path(options.data).resolve()):
        raise ValueError(f"results in {output} would lie among the images of {options.data}: give --output elsewhere")
    found = inspect_sets(named, output, options.workers, options.near_distance)
    print("\n".join(report_lines(found.report, found.sets)))
    if list(named) == ["images"]:
        print(f"\nnext: facerec split {shlex.quote(options.data)} SET chooses people to train on and pairs of others")
    print(f"\nkept in {output}")


def _sets(data: str, layout: Layout | None) -> dict[str, Images]:
    if Path(data).suffix not in CONFIG_SUFFIXES:
        return named_sets(data, layout)
    module = _data_module(_settings(data))
    return role_sets(module.train, module.dev, dict(module.pair_sets("val")), dict(module.pair_sets("test")))


def _name(data: str) -> str:
    path = Path(data).resolve()
    return path.stem if path.suffix in CONFIG_SUFFIXES else path.name or "root"


def _settings(config: str) -> dict[str, Any]:
    """A configuration, as YAML has it."""
    try:
        settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{config} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{config} holds no settings: expected data: and model: as in experiments/*.yaml")
    return settings


def _data_module(settings: dict[str, Any]) -> FaceDataModule:
    """The data module that a configuration describes, as ``facerec fit`` would make it."""
    data = dict(settings.get("data") or {})
    image_size = (settings.get("model") or {}).get("image_size")
    if image_size is not None:
        data["image_size"] = image_size
    data["seed"] = int(settings.get("seed_everything") or 0)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(FaceDataModule, "data")
    try:
        module = parser.instantiate(parser.parse_object({"data": data})).data
    except ArgumentError as error:
        raise ValueError(str(error)) from error
    assert isinstance(module, FaceDataModule)
    return module


def _draw_augmentation(options: argparse.Namespace) -> None:
    if options.draws < 1:
        raise ValueError(f"--draws {options.draws}: at least 1")
    settings = _settings(options.augment)
    module = _data_module(settings)
    source: Images | None = None
    if options.data is not None:
        source = next(iter(_sets(options.data, options.layout).values()))
    elif (settings.get("data") or {}).keys() & {"root", "train"}:
        source = module.train
    if not isinstance(source, ImageSource):
        raise ValueError(
            f"{options.data or options.augment} names no training images: facerec inspect DATA --augment "
            f"{options.augment}, with a folder or a configuration of training images as DATA"
        )
    index = person_images(source, options.person)[0]
    rows = augmentation_rows(source, index, module.augment, module.mix, module.image_size, module.seed, options.draws)
    output = options.output or Path("inspection", _name(options.augment))
    with written_whole(output / "augmentation.png") as path:
        sheet(rows).save(path)
    print(f"{source.name(index)}: {len(rows)} rows, {options.draws} draws, in {output / 'augmentation.png'}")
