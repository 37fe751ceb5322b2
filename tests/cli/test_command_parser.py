"""The help of every command: description, options, examples and exit status; and short errors."""

import re
from importlib import import_module

import pytest

from facerec.cli import TOOLS, TRAINER_COMMANDS
from facerec.cli.command_parser import command_parser, exit_status
from facerec.cli.status import Status
from tests.cli.conftest import run

HEAD = r"usage: facerec {0} .*\n\n[A-Z][^\n]+\.\n\n.*options:\n.*\n\n"
FOOT = r"examples:\n  facerec {0}.*\n\nexit status:\n  0    "


@pytest.mark.parametrize("command", [*TRAINER_COMMANDS, *TOOLS])
def test_the_help_of_every_command_has_the_same_parts(command, capsys):
    assert run(command, "--help_all" if command in TRAINER_COMMANDS else "--help") == 0
    said = capsys.readouterr().out
    assert re.match((HEAD + FOOT).format(command), said, re.DOTALL), said[-2000:]
    statuses = [int(number) for number in re.findall(r"^  (\d+) +\w", said.partition("\nexit status:\n")[2], re.M)]
    assert statuses in ([0, 2, 130], [0, 1, 2, 130])


@pytest.mark.parametrize("command", TOOLS)
def test_every_option_has_a_help_that_shows_its_default(command):
    actions = import_module(f"facerec.cli.{command}").make_parser()._actions
    for action in actions:
        assert action.help, action
        assert not action.help.endswith(".")
        if action.default not in (None, False, "", "==SUPPRESS==", []):
            assert "(default: " in action.help, action


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "x"], "facerec greet: argument --size: invalid int value: 'x'"),
        (["--siz", "1"], "facerec greet: unrecognized arguments: --siz 1"),
        (["Ada"], "facerec greet: unrecognized arguments: Ada"),
    ],
)
def test_a_bad_option_gets_a_line_and_status_2(arguments, said, capsys):
    parser = command_parser("greet", "Greet.", "facerec greet")
    parser.add_argument("--size", type=int)
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"{said}\nfacerec greet --help lists every option.\n"


def test_statuses_are_listed_in_their_order():
    meanings = {Status.ERROR: "lost", Status.INCOMPLETE: "some", Status.DONE: "all"}
    assert exit_status(meanings) == "exit status:\n  0    all\n  1    some\n  2    lost\n  130  interrupted"
