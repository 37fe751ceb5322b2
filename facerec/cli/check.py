"""``facerec check``: whether this machine computes right, how fast it trains, and what limits it."""

import math
from pathlib import Path
from typing import Any

from facerec.checkup.advice import advice
from facerec.checkup.agreement import Deviation, deviations, places_of
from facerec.checkup.cases import all_cases
from facerec.checkup.printing import agreement_lines, capacity_lines, choice_lines, machine_lines, speed_lines
from facerec.checkup.speed import PROBE
from facerec.checkup.training import measure_training
from facerec.checkup.training_step import TrainingStep
from facerec.cli.command_parser import CommandParser, command_parser
from facerec.cli.config_files import read_config
from facerec.cli.configuration import data_module, recognizer
from facerec.cli.status import Status
from facerec.data import FaceDataModule
from facerec.machine import (
    Choice,
    available_memory,
    choose_precision,
    choose_workers,
    device_of,
    slow_precision,
    this_machine,
)
from facerec.settings import require_within

DEFAULT_CONFIG = Path(__file__).parents[1] / "default.yaml"
PEOPLE = 1000
ALIASES = {"None": "32-true", "32": "32-true", "16": "16-mixed", "bf16": "bf16-mixed"}  # of Lightning
EXAMPLES = """\
facerec check                                             this machine, and the default training on it
facerec check --config experiments/resnet34_arcface.yaml --people 8631
facerec check --quick"""
NOTES = """\
Images are random, so no data is needed. Losses and networks are compared with this CPU in float64, augmentations with
this CPU in float32. Deviations above what rounding explains mean that training on the device cannot be trusted."""
MEANINGS = {Status.DONE: "every device computes the same", Status.ERROR: "error, or a device computes something else"}


def main(args: list[str]) -> Status:
    """Check the machine.

    Args:
        args: options; see ``facerec check --help``.

    Returns:
        DONE, or ERROR if a device computes something else than the reference.
    """
    options = make_parser().parse_args(args)
    if options.people is not None:
        require_within("--", 1, math.inf, people=options.people)
    settings = read_config(options.config)
    _show(machine_lines(this_machine(), available_memory()))
    data = data_module(settings)
    precision, workers = _choices(settings, data)
    _show(choice_lines(precision, workers))
    people = options.people or data.num_classes or PEOPLE
    model = recognizer(settings, people)
    found = _deviations(quick=options.quick)
    _show(agreement_lines(found))
    step = TrainingStep(model, data, _device(settings), precision.value, batch_size=PROBE)
    training = measure_training(step, workers.value, quick=options.quick)
    uncounted = (
        [] if data.transforms is None else ["  not counted: data.transforms, which take their time as images are read"]
    )
    _show([*speed_lines(training), *uncounted])
    print("\n".join([*capacity_lines(training), *advice(training, this_machine())]))
    return Status.DONE if all(deviation.agrees for deviation in found) else Status.ERROR


def make_parser() -> CommandParser:
    """The options of ``facerec check``."""
    description = "Check that every device of this machine computes the same, and measure a training step on it."
    parser = command_parser("check", description, EXAMPLES, NOTES, MEANINGS)
    parser.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="FILE",
        help="configuration whose training step is measured (default: %(default)s)",
    )
    parser.add_argument(
        "--people",
        type=int,
        metavar="N",
        help=f"number of training people (default: those of the configuration's images, else {PEOPLE:,})",
    )
    parser.add_argument("--quick", action="store_true", help="fewer networks, and one step of the training")
    return parser


def seconds_of_training(settings: dict[str, Any]) -> float:
    """Time that the training steps of a configuration take on this machine, from a few of them.

    Raises:
        ValueError: naming the setting that is wrong, or the data that are missing.
    """
    data, trainer = data_module(settings), settings.get("trainer") or {}
    precision, workers = _choices(settings, data)
    epochs = int(trainer.get("max_epochs") or 1000)  # Lightning's default
    images = data.batches_of_epoch * epochs * data.batch_size
    step = TrainingStep(
        recognizer(settings, data.num_classes or PEOPLE), data, _device(settings), precision.value, batch_size=PROBE
    )
    training = measure_training(step, workers.value)
    return images / training.images_per_second


def _show(lines: list[str]) -> None:
    """Print a block at once: the next one may take a while."""
    print("\n".join(lines), end="\n\n", flush=True)


def _choices(settings: dict[str, Any], data: FaceDataModule) -> tuple[Choice[str], Choice[int]]:
    """Precision and workers of the configuration, chosen for this machine where they are ``auto``."""
    trainer = settings.get("trainer") or {}
    accelerator, devices = str(trainer.get("accelerator", "auto")), trainer.get("devices", "auto")
    precision, workers = str(trainer.get("precision", "auto")), (settings.get("data") or {}).get("num_workers", "auto")
    is_decoded = _is_decoded(data) and data.transforms is None
    said = "as the configuration says"
    return (
        choose_precision(accelerator, devices)
        if precision == "auto"
        else Choice(ALIASES.get(precision, precision), slow_precision(precision, accelerator) or said),
        choose_workers(accelerator, devices, is_decoded=is_decoded)
        if workers == "auto"
        else Choice(int(workers), said),
    )


def _device(settings: dict[str, Any]) -> str:
    """The device that the configuration would train on, of several the first."""
    accelerator = str((settings.get("trainer") or {}).get("accelerator", "auto"))
    device = device_of(accelerator, this_machine())
    if device == "other":
        raise ValueError(f"trainer.accelerator={accelerator}: facerec check measures on cpu, cuda and mps")
    return device


def _is_decoded(data: FaceDataModule) -> bool:
    """Whether the training images need no decoding; no, where there are none."""
    try:
        return data.train is not None and data.train.is_decoded
    except (OSError, ValueError):
        return False


def _deviations(*, quick: bool) -> list[Deviation]:
    """How far each device is from the reference."""
    places = places_of(this_machine())
    return [deviation for case in all_cases(quick=quick) for deviation in deviations(case, places)]
