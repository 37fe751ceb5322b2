"""The argument parser of ``fit``, ``validate`` and ``test``: short errors in place of pages of usage."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

from jsonargparse import DefaultHelpFormatter
from lightning.pytorch.cli import LightningArgumentParser

from facerec.cli import TRAINER_COMMANDS
from facerec.cli.command_parser import epilog
from facerec.cli.messages import TRACEBACK
from facerec.cli.setting_errors import class_settings, explain
from facerec.cli.status import Status
from facerec.lightning_private import option_names

LONGEST = 2000  # letters of an error
EXAMPLES = {
    "fit": """\
facerec fit                                                                  ORL faces, small network
facerec fit --config experiments/resnet34_arcface.yaml --data.root DIR
facerec fit --ckpt_path runs/NAME                                            resume the newest run of NAME
facerec fit --config CONFIG --print_config                                   effective settings, without training""",
    "validate": """\
facerec validate --ckpt_path runs/NAME
facerec validate --ckpt_path runs/NAME --verification.calibrate_at 0.001 --verification.store true""",
    "test": """\
facerec test --ckpt_path runs/NAME
facerec test --ckpt_path runs/NAME --data.root OTHER""",
}
NOTES = """\
Put --config first: a later option replaces an earlier one. --model.loss.help ArcFace lists the settings of ArcFace, and
other slots have the like."""


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

    def explanation(self, message: str) -> str:
        """A message in the words of a user, with the nearest of the names that this parser knows."""
        known = [name for name in option_names(self) if name != "help"]
        if "model.loss" in known:  # of the command, not of a class
            known += class_settings()
        text = "\n".join(line for line in str(message).splitlines() if line.strip())
        return explain(text, known, self.arguments)[:LONGEST]
