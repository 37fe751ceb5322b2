"""The argument parser of ``fit``, ``validate`` and ``test``: short errors in place of pages of usage."""

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, ClassVar, NoReturn

from jsonargparse import DefaultHelpFormatter
from lightning.pytorch.cli import LightningArgumentParser

from facerec.backbones import Backbone
from facerec.cli import TRAINER_COMMANDS
from facerec.cli.command_parser import epilog
from facerec.cli.status import Status
from facerec.data import ImageSource, PairSource
from facerec.lightning_private import option_names
from facerec.losses import Loss

UNKNOWN_NAME = (
    re.compile(r"[Uu]nrecognized arguments: --(?P<name>[\w./]+)"),
    re.compile(r"does not accept option '(?P<name>[\w./]+)'"),
    re.compile(r"Option '(?P<name>[\w./]+)' is not accepted"),
    re.compile(r"import path string: (?P<name>[\w./]+)"),
)
GROUP = re.compile(r'Parser key "(?P<name>[\w.]+)":\s+Unable to load config')
FAMILIES: tuple[type[object], ...] = (Backbone, Loss, ImageSource, PairSource)
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
other slots have the like.
--trust MODULE lets a checkpoint name classes of a module of your own. facerec imports no other for a checkpoint."""


class RawHelpFormatter(DefaultHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """jsonargparse's help, with the line ends of the examples."""


def parser_settings() -> dict[str, Any]:
    """What LightningCLI makes its parsers with, so that their help looks like that of the other commands."""
    help_texts = {
        name: {
            "description": f"{purpose[0].upper()}{purpose[1:]}.",
            "epilog": epilog(EXAMPLES[name], NOTES),
            "usage": f"facerec {name} [options]",
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
    """The parser of one command: an unknown name is answered with the nearest known one.

    Attributes:
        command: the one that is run. It is the class's, because jsonargparse makes more parsers of this class.
    """

    command: ClassVar[str] = "COMMAND"

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong in a few lines and exit with status 2."""
        text = "\n".join(line for line in str(message).splitlines() if line.strip())
        name = f"facerec {self.command}"
        print(f"{name}: {text[:2000]}", file=sys.stderr)
        unknown = next((found["name"] for pattern in UNKNOWN_NAME if (found := pattern.search(text))), None)
        near = nearest(unknown, [*option_names(self), *_class_names()]) if unknown else None
        if near:
            print(f"{name}: did you mean {near!r}?", file=sys.stderr)
        if group := GROUP.search(text):
            key = group["name"]
            print(f"{name}: {key} is a group of settings: give them by name, such as {key}.NAME=VALUE", file=sys.stderr)
        print(f"{name} --help lists every setting.", file=sys.stderr)
        raise SystemExit(Status.ERROR)


def nearest(name: str, known: list[str]) -> str | None:
    """The known name most like ``name``; None if nothing is like it.

    An abbreviation comes first, then a name alike as a whole, then one alike in its last part, and at last the same for
    what ``name`` is a part of (``model.backbon.depth``: ``model.backbone``).
    """
    longer = [entry for entry in known if entry.startswith(name)]
    alike = longer or get_close_matches(name, known, n=1, cutoff=0.8)
    if alike:
        return alike[0]
    last_parts = {entry.rpartition(".")[2]: entry for entry in known}
    part = get_close_matches(name.rpartition(".")[2], list(last_parts), n=1, cutoff=0.7)
    if part:
        return last_parts[part[0]]
    return nearest(name.rpartition(".")[0], known) if "." in name else None


def _class_names() -> Iterator[str]:
    """Names of the classes that YAML may name, and of their settings."""
    for family in FAMILIES:
        for known in _subclasses(family):
            yield known.__name__
            yield from (name for name in inspect.signature(known).parameters)


def _subclasses(family: type[object]) -> Iterator[type[object]]:
    for known in family.__subclasses__():
        yield known
        yield from _subclasses(known)
