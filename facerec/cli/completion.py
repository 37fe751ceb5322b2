"""``facerec --print_completion SHELL``: a script that completes commands, options and names of classes.

The script is made once, from the real parsers, so a shell completes without starting Python.
"""

import argparse
import inspect
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from facerec.cli import TOOLS, TRAINER_COMMANDS
from facerec.cli.face_cli import FaceCLI
from facerec.cli.setting_errors import FAMILIES, classes_of
from facerec.cli.status import Status
from facerec.cli.training_help import HELP_ALL
from facerec.lightning_private import actions_of, command_parsers, settings_of

PATHS = ("FILE", "PATH", "FOLDER", "DIR")
"""What options call a value that is a path."""
SETTINGS_WITH_PATHS = ("--config", "--ckpt_path", "--init_from", "--data.root", "--trainer.default_root_dir")


class _ParserMadeError(Exception):
    """Carries the parser out of LightningCLI, before it parses and runs."""

    def __init__(self, parser: LightningArgumentParser) -> None:
        super().__init__()
        self.parser = parser


class _ParserOnly(FaceCLI):
    """Makes the parsers of the commands that train and measure, and stops."""

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> NoReturn:
        """Hand out the parser.

        Raises:
            _ParserMadeError: with it.
        """
        raise _ParserMadeError(parser)


def main(args: Sequence[str]) -> Status:
    """Print the script.

    Args:
        args: the name of the shell.

    Returns:
        DONE.

    Raises:
        ValueError: for an unknown shell, or if shtab is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        raise ValueError(f'--print_completion needs shtab ({error}): pip install "facerec[completion]"') from error
    shells = shtab.SUPPORTED_SHELLS
    if len(args) != 1 or args[0] not in shells:
        raise ValueError(f"--print_completion {' '.join(args)}: choose one of {', '.join(shells)}")
    print(shtab.complete(whole_parser(shtab.FILE), args[0]))
    return Status.DONE


def whole_parser(file: Any) -> argparse.ArgumentParser:
    """One parser of all commands, to complete by and not to parse with.

    Args:
        file: what shtab completes paths by.
    """
    whole = argparse.ArgumentParser("facerec", allow_abbrev=False)
    whole.add_argument("--version", action="store_true", help="print the version")
    commands = whole.add_subparsers()
    for command, purpose in TRAINER_COMMANDS.items():
        _add_settings(commands.add_parser(command, help=purpose), command)
    for command, purpose in TOOLS.items():
        parser = import_module(f"facerec.cli.{command}").make_parser()
        commands.add_parser(command, help=purpose, parents=[parser], add_help=False)
    for parser in commands.choices.values():
        for action in actions_of(parser):
            if _takes_paths(action):
                action.complete = file  # type: ignore[attr-defined]
    return whole


def _takes_paths(action: argparse.Action) -> bool:
    if action.choices or action.nargs == 0:
        return False
    is_argument = not action.option_strings
    return is_argument or action.metavar in PATHS or bool(set(action.option_strings) & set(SETTINGS_WITH_PATHS))


def _add_settings(parser: argparse.ArgumentParser, command: str) -> None:
    """Every setting of a command that trains or measures, and those of the classes that it may name."""
    parser.add_argument(HELP_ALL, action="store_true")
    parser.add_argument("--print_config", action="store_true")
    try:
        _ParserOnly("", [command], trust=[])
    except _ParserMadeError as made:
        settings = list(settings_of(command_parsers(made.parser)[command]))
    names = {setting.name: _classes(setting.name) for setting in settings}
    for setting, family in FAMILIES.items():
        names |= {f"{setting}.help": _classes(setting)}
        known = [parameter for kind in classes_of(family) for parameter in inspect.signature(kind).parameters]
        names |= {f"{setting}.{parameter}": None for parameter in known} if "pairs" not in setting else {}
    for name, choices in names.items():
        parser.add_argument(f"--{name}", choices=choices)


def _classes(setting: str) -> list[str] | None:
    """Names of the classes for a setting; None where it takes no class, or several by name."""
    family = FAMILIES.get(setting)
    return sorted(kind.__name__ for kind in classes_of(family)) if family and "pairs" not in setting else None
