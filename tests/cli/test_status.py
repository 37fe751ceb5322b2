"""One exit status for each outcome, over every command."""

import pytest
from lightning.fabric.utilities.exceptions import MisconfigurationException

from facerec.cli import COMMANDS, RESUMABLE, TRAINER_COMMANDS
from facerec.cli.training import DEFAULT_CONFIG
from tests.cli.conftest import run

IMAGES = ("a.png", "b.png")
MODEL = ("--ckpt_path", "missing.ckpt")
MISSING = {
    "fit": ("--config", "missing.yaml"),
    "validate": MODEL,
    "test": MODEL,
    "align": ("missing", "out"),
    "backbones": ("missing",),
    "check": ("--config", "missing.yaml"),
    "compare": ("missing",),
    "embed": (*IMAGES, *MODEL, "--output", "out.npz"),
    "enroll": ("missing", *MODEL, "--output", "out.npz"),
    "evaluate": ("--scores", "missing.csv"),
    "export": (*MODEL, "--output", "out.onnx"),
    "identify": (*IMAGES, *MODEL, "--gallery", "missing.npz"),
    "inspect": ("missing",),
    "pack": ("missing", "out.pack"),
    "plot": ("roc", "missing"),
    "report": ("missing",),
    "predict": ("--classify", "missing", *MODEL, "--output", "out.csv"),
    "split": ("missing", "out"),
    "sweep": ("missing.yaml",),
    "verify": (*IMAGES, *MODEL),
}
MAINS = {command: f"facerec.cli.{'training' if command in TRAINER_COMMANDS else command}.main" for command in COMMANDS}


def test_every_command_is_in_the_table():
    assert set(MISSING) == set(COMMANDS)


def only_line(command: str, text: str) -> str:
    """The one line of the command's own; a line may come before it that says where the settings are from."""
    assert "Traceback" not in text
    assert "usage:" not in text
    [line] = [line for line in text.splitlines() if line.startswith(f"facerec {command}: ")]
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_missing_file_is_status_2_and_a_line_that_names_it(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(command, *MISSING[command]) == 2
    captured = capsys.readouterr()
    assert "missing" in only_line(command, captured.err)
    assert not captured.out
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_status_2_and_a_line_that_names_it(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # LightningCLI reads the configuration first, so it gets one that is there.
    others = ("--config", DEFAULT_CONFIG) if command in TRAINER_COMMANDS else MISSING[command]
    assert run(command, *others, "--abracadabra=1") == 2
    captured = capsys.readouterr()
    assert "--abracadabra=1" in only_line(command, captured.err)
    assert not captured.out


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("bad data"), 2, "bad data"),
        (PermissionError(13, "Permission denied", "secret"), 2, "'secret'"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_an_error_has_one_status_whatever_the_command(command, error, status, said, monkeypatch, capsys):
    def fails(*args):
        raise error

    monkeypatch.setattr(MAINS[command], fails)
    assert run(command) == status
    line = only_line(command, capsys.readouterr().err)
    assert said in line
    assert ("goes on from here" in line) == (status == 130 and command in RESUMABLE)


@pytest.mark.parametrize("command", TRAINER_COMMANDS)
def test_what_lightning_refuses_is_an_error_like_any_other(command, monkeypatch, capsys):
    def refuses(*arguments):
        raise MisconfigurationException("that does not go together")

    monkeypatch.setattr("facerec.cli.training.FaceCLI", refuses)
    assert run(command, "--config", DEFAULT_CONFIG) == 2
    assert "that does not go together" in only_line(command, capsys.readouterr().err)
