"""What a user reads after a slip in the settings of `fit`, `validate` or `test`."""

import pytest

from facerec.cli.training_parser import nearest
from tests.cli.conftest import run


def refused(capsys, *arguments: str) -> str:
    assert run(*arguments) == 2
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
    named = f"facerec {arguments[0]}: "
    assert len([line for line in message.splitlines() if line.startswith((named, "  "))]) in range(1, 8)
    assert "usage" not in message.lower()


def test_a_typo_in_yaml_gets_the_nearest_name(capsys, tmp_path):
    (tmp_path / "typo.yaml").write_text("model:\n  backbon: {class_path: ResNet}\n")
    message = refused(capsys, "fit", "--config", str(tmp_path / "typo.yaml"))
    assert "facerec fit: did you mean 'model.backbone'?" in message


def test_an_abbreviation_is_not_guessed(capsys):
    assert "trainer.max_epochs" in refused(capsys, "fit", "--trainer.max_ep=3")


def test_nearest():
    assert nearest("trainer.max_epoch", ["trainer.max_epochs", "trainer.max_steps"]) == "trainer.max_epochs"
    assert nearest("model.backbon.class_path", ["model.backbone", "data.root"]) == "model.backbone"
    assert nearest("scal", ["model.loss.scale", "data.root"]) == "model.loss.scale"
    assert nearest("zzz", ["model.loss.scale"]) is None
