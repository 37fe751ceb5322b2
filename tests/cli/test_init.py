"""The program without a command, and with one that does not exist."""

import subprocess
import sys

from facerec import __version__
from facerec.cli import COMMANDS
from tests.cli.conftest import run


def test_version_and_help_come_without_torch():
    code = "import sys; from facerec.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "facerec fit --config experiments/resnet34_arcface.yaml" in done.stdout
    version = subprocess.run([sys.executable, "-m", "facerec", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == f"facerec {__version__}"


def test_the_help_lists_every_command_and_the_exit_status(capsys):
    assert run() == 0
    said = capsys.readouterr().out
    for command, purpose in COMMANDS.items():
        assert f"\n  {command:<10} {purpose}\n" in said
    assert "exit status: 0 done or yes, 1 no or some images left out, 2 error, 130 interrupted" in said


def test_unknown_command(capsys):
    assert run("valdate") == 2
    assert capsys.readouterr().err == "facerec: no command 'valdate': did you mean 'validate'?\n"
    assert run("abracadabra") == 2
    assert "choose one of fit, validate, test" in capsys.readouterr().err
