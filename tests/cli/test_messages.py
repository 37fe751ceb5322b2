"""What a user reads after a slip, and how soon."""

import subprocess
import sys
import time

import pytest
from facerec.cli.parser import nearest

from facerec import __version__
from facerec.cli import main
from facerec.cli.messages import messages


def refused(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "unknown", "suggestion"),
    [
        (["fit", "--trainer.max_epoch=3"], "trainer.max_epoch", "'trainer.max_epochs'"),
        (["fit", "--model.loss_lr_facto=3"], "model.loss_lr_facto", "'model.loss_lr_factor'"),
        (["fit", "--data.rot=x"], "data.rot", "'data.root'"),
        (["fit", "--model.loss=ArcFac"], "ArcFac", "'ArcFace'"),
        (["fit", "--model.loss.init_args.angular_marginn=1"], "angular_marginn", "'angular_margin'"),
        (["test", "--ckpt=x", "--config=none.yaml"], "", ""),
    ],
)
def test_a_typo_gets_the_nearest_name_not_a_page(capsys, arguments, unknown, suggestion):
    message = refused(capsys, *arguments)
    assert unknown in message
    assert suggestion in message
    assert len([line for line in message.splitlines() if line.startswith("facerec: ") or line.startswith("  ")]) < 8
    assert "usage" not in message.lower()


def test_a_typo_in_yaml_gets_the_nearest_name(capsys, tmp_path):
    (tmp_path / "typo.yaml").write_text("model:\n  backbon: {class_path: ResNet}\n")
    assert "did you mean 'model.backbone'?" in refused(capsys, "fit", "--config", str(tmp_path / "typo.yaml"))


def test_an_abbreviation_is_not_guessed(capsys):
    assert "trainer.max_epochs" in refused(capsys, "fit", "--trainer.max_ep=3")


def test_unknown_command(capsys):
    assert "did you mean 'validate'?" in refused(capsys, "valdate")


def test_bad_settings_are_told_in_a_line(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "--model.backbone.init_args.depth=19"])
    assert stopped.value.code == 1
    assert "ResNet depth=19: choose one of 18, 34" in capsys.readouterr().err


def test_missing_checkpoint_is_named():
    with pytest.raises(SystemExit, match="no checkpoint none.ckpt"):
        main(["test", "--ckpt_path", "none.ckpt"])


@pytest.mark.parametrize("command", ["test", "validate"])
def test_an_evaluation_needs_a_checkpoint(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command])
    assert stopped.value.code == 1
    assert "give --ckpt_path FILE" in capsys.readouterr().err


def test_version_and_help_come_without_torch():
    """The limit is far above what it takes (0.1 s), and far below importing torch on a busy machine."""
    started = time.perf_counter()
    code = "import sys; from facerec.cli import main; main(['--help']); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert time.perf_counter() - started < 5
    assert "facerec fit --config experiments/resnet34_arcface.yaml" in done.stdout
    version = subprocess.run([sys.executable, "-m", "facerec", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.strip() == f"facerec {__version__}"


def test_nearest():
    assert nearest("trainer.max_epoch", ["trainer.max_epochs", "trainer.max_steps"]) == "trainer.max_epochs"
    assert nearest("model.backbon.class_path", ["model.backbone", "data.root"]) == "model.backbone"
    assert nearest("scal", ["model.loss.scale", "data.root"]) == "model.loss.scale"
    assert nearest("zzz", ["model.loss.scale"]) is None


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ValueError("no such thing"), 2, ": no such thing\n(FACEREC_TRACEBACK=1 shows where)"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (KeyError("weight"), 2, ": KeyError: 'weight'"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on from here"),
        (BrokenPipeError(), 2, ""),
    ],
)
def test_an_error_of_a_tool_is_a_line_and_a_status(error, status, told, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout", sys.stdout)  # put back what a broken pipe replaces

    @messages(2, resumes=True)
    def command(args):
        raise error

    assert command([]) == status
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert bool(said) == bool(told)
    monkeypatch.setenv("FACEREC_TRACEBACK", "1")
    if isinstance(error, (ValueError, KeyError)):
        with pytest.raises(type(error)):
            command([])
