"""Completion in a shell: every command, with options, settings, names of classes and paths."""

import shutil
import subprocess
import sys

import pytest

from facerec.cli import COMMANDS
from facerec.cli.completion import whole_parser
from tests.cli.conftest import assert_refused, run


@pytest.fixture(scope="module")
def commands():
    [action] = [action for action in whole_parser("paths")._actions if isinstance(action.choices, dict)]
    return action.choices


def options(parser):
    return {option: action for action in parser._actions for option in action.option_strings}


def test_every_command_has_its_options(commands):
    assert set(commands) == set(COMMANDS)
    assert {"--pairs", "--threshold", "--ckpt_path", "--help"} <= options(commands["verify"]).keys()
    for command in ("fit", "validate", "test"):
        assert {"--config", "--data.root", "--model.loss.angular_margin"} <= options(commands[command]).keys()
    assert "ArcFace" in options(commands["fit"])["--model.loss"].choices
    assert "ResNet" in options(commands["fit"])["--model.backbone.help"].choices


def test_paths_are_completed_where_they_are_meant(commands):
    meant = {name for name, action in options(commands["verify"]).items() if getattr(action, "complete", None)}
    assert meant == {"--pairs", "--images", "--ckpt_path"}
    assert options(commands["fit"])["--ckpt_path"].complete == "paths"
    assert not hasattr(options(commands["fit"])["--data.batch_size"], "complete")


def test_the_error_of_a_missing_package_names_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert_refused('pip install "facerec[completion]"', capsys, "--print_completion", "bash")


def test_an_unknown_shell(capsys):
    pytest.importorskip("shtab")
    assert_refused("--print_completion cmd: choose one of bash, zsh", capsys, "--print_completion", "cmd")


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(tmp_path, capsys):
    pytest.importorskip("shtab")
    assert run("--print_completion", "bash") == 0
    (tmp_path / "facerec.bash").write_text(capsys.readouterr().out)
    typed = (
        ("facerec", "ver"),
        ("facerec", "fit", "--model.loss", "Arc"),
        ("facerec", "fit", "--model.loss.angular"),
        ("facerec", "fit", "--config", "facerec.b"),
        ("facerec", "export", "--preprocessing", "in"),
    )
    lines = [
        f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _shtab_facerec; echo ${{COMPREPLY[*]}}"
        for words in typed
    ]
    script = "\n".join(["source facerec.bash", *lines])
    said = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout.split() == ["verify", "ArcFace", "--model.loss.angular_margin", "facerec.bash", "inside"], (
        said.stderr
    )
