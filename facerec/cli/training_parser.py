"""The argument parser of ``fit``, ``validate`` and ``test``: short errors in place of pages of usage."""

import argparse
import numbers
import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from jsonargparse import DefaultHelpFormatter
from jsonargparse.typing import register_type
from lightning.pytorch import Callback
from lightning.pytorch.cli import LightningArgumentParser

from facerec.callbacks import BestCheckpoint, Dashboard, FiniteSteps, Verification, WeightAverage
from facerec.cli import TRAINER_COMMANDS
from facerec.cli.command_parser import epilog
from facerec.cli.messages import TRACEBACK
from facerec.cli.setting_errors import class_settings, explain
from facerec.cli.status import Status
from facerec.cli.training_help import EXAMPLES, HELP_ALL, NOTES, short_help
from facerec.lightning_private import option_names, settings_of

LONGEST = 2000  # letters of an error
CALLBACKS: dict[str, type[Callback]] = {
    "checkpoint": BestCheckpoint,
    "verification": Verification,
    "finite": FiniteSteps,
    "average": WeightAverage,
    "dashboard": Dashboard,
}
"""The groups of settings that are callbacks."""
INIT_FROM_HELP = (
    "run, experiment or checkpoint whose fitting weights a new training starts from; or weights of insightface or timm"
)
GROUPS_HELP = "CSV with the columns person,ATTRIBUTE,...: `facerec test` adds the error rates of each group of people"
RAW_WEIGHTS_HELP = "take the weights as they were trained, where the checkpoint offers their average"

# The type of `degrees` of torchvision's rotations, of which jsonargparse would want a class
register_type(
    numbers.Number,
    serializer=lambda number: number,
    deserializer=lambda value: value if isinstance(value, numbers.Number) else float(value),
    fail_already_registered=False,
)


class RawHelpFormatter(DefaultHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """jsonargparse's help, with the line ends of the examples."""


def parser_settings() -> dict[str, Any]:
    """What LightningCLI makes its parsers with, so that their help looks like that of the other commands."""
    help_texts = {
        name: {
            "description": f"{purpose[0].upper()}{purpose[1:]}.",
            "epilog": epilog(EXAMPLES[name], NOTES),
            "usage": f"facerec {name} [options]",
            "allow_abbrev": False,
        }
        for name, purpose in TRAINER_COMMANDS.items()
    }
    return {
        "prog": "facerec",
        "allow_abbrev": False,
        "formatter_class": RawHelpFormatter,
        **help_texts,
    }


def add_own_settings(parser: LightningArgumentParser) -> None:
    """Add the settings beside those of trainer, model and data."""
    for name, kind in CALLBACKS.items():
        parser.add_lightning_class_args(kind, name)
    parser.add_argument("--init_from", type=str | None, default=None, help=INIT_FROM_HELP)
    parser.add_argument("--groups", type=str | None, default=None, help=GROUPS_HELP)
    parser.add_argument("--raw_weights", type=bool, default=False, help=RAW_WEIGHTS_HELP)


class FaceArgumentParser(LightningArgumentParser):
    """The parser of one command: an error is a line or two, and an unknown name is answered with the nearest known one.

    Attributes:
        arguments: the command and its options. They are the class's, because jsonargparse makes more parsers of this
            class: one for the settings of each class that is named.
    """

    arguments: ClassVar[Sequence[str]] = ("COMMAND",)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong in a few lines and exit with status 2.

        Raises:
            Exception: the parser's own, if ``FACEREC_TRACEBACK`` is set.
        """
        if ex is not None and os.environ.get(TRACEBACK):
            raise ex
        command = self.arguments[0]
        print(f"facerec {command}: {self.explanation(message)}", file=sys.stderr)
        print(f"(facerec {command} --help lists settings; {TRACEBACK}=1 shows where)", file=sys.stderr)
        raise SystemExit(Status.ERROR)

    def format_help(self, formatter: argparse.HelpFormatter | None = None) -> str:
        """The help of a command on a page; with ``--help_all``, or for a class, the parser's own."""
        command, *options = self.arguments
        if not self._is_of_a_command() or HELP_ALL in options:
            return str(super().format_help())
        return short_help(command, settings_of(self))

    def _is_of_a_command(self) -> bool:
        return "model.loss" in option_names(self)

    def explanation(self, message: str) -> str:
        """A message in the words of a user, with the nearest of the names that this parser knows."""
        known = [name for name in option_names(self) if name != "help"]
        if self._is_of_a_command():
            known += class_settings()
        text = "\n".join(line for line in str(message).splitlines() if line.strip())
        return explain(text, known, self.arguments)[:LONGEST]
