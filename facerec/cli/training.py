"""``facerec fit``, ``validate`` and ``test``: from their options to a run."""

import sys
import warnings
from functools import partial
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.utilities import rank_zero_info, rank_zero_only
from lightning.pytorch.utilities.exceptions import SIGTERMException

from facerec.cli.arguments import long_form, value_of, values_of, with_value, without
from facerec.cli.class_help import asked_for_classes, classes_page
from facerec.cli.config_files import check_config
from facerec.cli.face_cli import FaceCLI
from facerec.cli.messages import short_warnings
from facerec.cli.notices import own_notices
from facerec.cli.resuming import TrainingFinishedError, checkpoint_of
from facerec.cli.runs import config_name, run_name
from facerec.cli.saved_settings import from_checkpoint
from facerec.cli.starting_weights import check_init_from
from facerec.cli.status import Status
from facerec.cli.training_help import HELP_ALL

DEFAULT_CONFIG = Path(__file__).parents[1] / "default.yaml"
DEFAULT_NAME = "orl_resnet18_arcface"
HARMLESS_WARNINGS = (
    "LightningCLI's args parameter is intended",  # we pass the arguments on purpose
    ".*isinstance.treespec, LeafSpec.* is deprecated",  # inside Lightning
    "The '.*_dataloader' does not have many workers",
    "Checkpoint directory .* exists and is not empty",  # of a resumed run, which we say ourselves
    "The number of training batches .* is smaller than the logging interval",
    "Total length of `list` across ranks is zero",  # a validation of nothing, which we say ourselves
)


def main(command: str, options: list[str]) -> Status:
    """Run ``fit``, ``validate`` or ``test``.

    Without ``--config``, the settings come from the checkpoint, if one is given, or from the embedded default.

    Args:
        command: one of the three.
        options: see ``facerec fit --help``.

    Returns:
        DONE, or TERMINATED if SIGTERM ended a training.

    Raises:
        ValueError: for data or settings that cannot be used.
        FileNotFoundError: for a file that does not exist.
        KeyboardInterrupt: if the user interrupts a training.
    """
    options = [long_form(option) for option in options]
    if setting := asked_for_classes(options):
        print(classes_page(command, setting))
        return Status.DONE
    check_init_from(command, options)
    for config in values_of(options, "config"):
        check_config(config)
    experiment = next(map(config_name, values_of(options, "config")), None)
    options = with_value(options, "ckpt_path", partial(checkpoint_of, command=command, experiment=experiment))
    trust, options = values_of(options, "trust"), without(options, "trust")
    configuration, name = _configuration(command, options, trust)
    for harmless in HARMLESS_WARNINGS:
        warnings.filterwarnings("ignore", message=harmless)
    try:
        with own_notices(), short_warnings():  # again: Lightning has put its own format above ours
            FaceCLI(name, [command, *configuration, *options], trust)
    except MisconfigurationException as error:
        raise ValueError(str(error)) from error
    except TrainingFinishedError as finished:
        rank_zero_only(print)(f"facerec {command}: {finished}", file=sys.stderr)
    except SIGTERMException:
        rank_zero_only(print)(f"facerec {command}: terminated", file=sys.stderr)
        return Status.TERMINATED
    except SystemExit as stopped:
        if isinstance(stopped.__context__, KeyboardInterrupt):  # Lightning has stopped the training, and exits
            raise stopped.__context__ from None
        raise
    return Status.DONE


def _configuration(command: str, options: list[str], trust: list[str]) -> tuple[list[str], str]:
    """Options that stand for a ``--config`` that is not given, and the name of the experiment."""
    config, checkpoint = value_of(options, "config"), value_of(options, "ckpt_path")
    if config is not None:
        return [], config_name(config)
    if {"-h", "--help", HELP_ALL} & set(options):
        return [], DEFAULT_NAME
    if checkpoint is not None:
        settings, experiment = from_checkpoint(checkpoint, command, trust), run_name(checkpoint)
        rank_zero_info(f"No --config: the settings of {checkpoint}")
    else:
        settings, experiment = DEFAULT_CONFIG.read_text(encoding="utf-8"), DEFAULT_NAME
        rank_zero_info(f"No --config: the embedded default, as in experiments/{DEFAULT_NAME}.yaml")
    return ["--config", settings], experiment
