"""The argument parser of a command: one layout of help for all, and short errors."""

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import NoReturn

from facerec.cli.status import Status

DEFAULT_MEANINGS = {Status.DONE: "done", Status.ERROR: "error", Status.INTERRUPTED: "interrupted"}


class CommandParser(argparse.ArgumentParser):
    """A parser that answers a bad option in two lines; argparse prints the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Name what is wrong and exit with status 2."""
        print(f"{self.prog}: {message}\n{self.prog} --help lists every option.", file=sys.stderr)
        raise SystemExit(Status.ERROR)


def command_parser(
    command: str, description: str, examples: str, notes: str = "", meanings: Mapping[Status, str] | None = None
) -> CommandParser:
    """The parser of a command, without options yet.

    Args:
        command: its name.
        description: what the command does, in a sentence.
        examples: calls, one a line.
        notes: what else a user must know, in paragraphs.
        meanings: what exit statuses mean for this command, where that is not just "done", "error" and "interrupted".

    Example:
        >>> print(command_parser("greet", "Greet somebody.", "facerec greet Ada").format_help())
        usage: facerec greet [-h]
        <BLANKLINE>
        Greet somebody.
        <BLANKLINE>
        options:
          -h, --help  show this help message and exit
        <BLANKLINE>
        examples:
          facerec greet Ada
        <BLANKLINE>
        exit status:
          0    done
          2    error
          130  interrupted
        <BLANKLINE>
    """
    return CommandParser(
        prog=f"facerec {command}",
        description=description,
        epilog=epilog(examples, notes, meanings),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def epilog(examples: str, notes: str = "", meanings: Mapping[Status, str] | None = None) -> str:
    """What stands below the options: examples, notes and the exit status."""
    parts = [block("examples", examples.splitlines()), notes, exit_status(meanings)]
    return "\n\n".join(part for part in parts if part)


def exit_status(meanings: Mapping[Status, str] | None = None) -> str:
    """What each exit status means.

    Example:
        >>> print(exit_status({Status.YES: "the same person", Status.NO: "different people"}))
        exit status:
          0    the same person
          1    different people
          2    error
          130  interrupted
    """
    texts = {**DEFAULT_MEANINGS, **(meanings or {})}
    return block("exit status", [f"{status:<3d}  {texts[status]}" for status in sorted(texts)])


def block(heading: str, lines: Iterable[str]) -> str:
    """A heading above indented lines.

    Example:
        >>> print(block("examples", ["facerec fit"]))
        examples:
          facerec fit
    """
    return "\n".join([f"{heading}:", *(f"  {line}".rstrip() for line in lines)])
