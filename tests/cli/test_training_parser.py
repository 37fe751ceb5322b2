"""What a user reads after a slip in the settings of `fit`, `validate` or `test`."""

from pathlib import Path

import pytest

from facerec.cli.setting_errors import EXAMPLES, explain, nearest
from facerec.cli.training import DEFAULT_CONFIG
from tests.cli.conftest import run


def refused(capsys, *arguments: str) -> str:
    """What is said about it: a line or a few, and no usage."""
    assert run(*arguments) == 2
    said = capsys.readouterr().err.splitlines()
    start = next(number for number, line in enumerate(said) if line.startswith(f"facerec {arguments[0]}: "))
    message = "\n".join(said[start:])
    assert len(said[start:]) < 9
    assert "usage" not in message.lower()
    assert "Traceback" not in message
    assert "Parser key" not in message
    return message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "--trainer.max_epoch=3"], "--trainer.max_epoch=3: did you mean 'trainer.max_epochs'?"),
        (["fit", "--model.loss_lr_facto=3"], "'model.loss_lr_factor'"),
        (["fit", "--data.rot=x"], "'data.root'"),
        (["fit", "--data.fold={index: 6, of: 5}"], "fit: data.fold.index=6: must be in [1, 5]"),
        (["fit", "--model.loss=ArcFac"], "model.loss=ArcFac: no such class: did you mean 'ArcFace'?"),
        (["fit", "--model.loss=arcface"], "model.loss=arcface: no such class: did you mean 'ArcFace'?"),
        (["fit", "--model.loss=zzz"], "no such class. Choose one of AdaFace, ArcFace,"),
        (["fit", "--model.loss=torch.optim.SGD"], "model.loss=torch.optim.SGD: does not correspond to a subclass"),
        (["fit", "--model.loss=no.Such"], "model.loss=no.Such: No module named 'no'"),
        (["fit", "--model.loss.help=ArcFac"], "did you mean 'ArcFace'?"),
        (["fit", "--model.loss.init_args.angular_marginn=1"], "'angular_marginn': did you mean 'angular_margin'?"),
        (["fit", "--model.loss.init_args.margin=1"], "no setting 'margin': did you mean 'angular_margin'?"),
        (
            ["fit", "--model.loss=CosFace", "--model.loss.margin=1"],
            "no setting 'margin': did you mean 'cosine_margin'?",
        ),
        (["fit", "--model.optimizer=Adam", "--model.optimizer.momentum=0"], "'momentum'. Here there are lr, betas,"),
        (["fit", "--model.num_classes=5"], "model.num_classes cannot be set: it follows from the number of"),
        (["fit", "--data.seed=5"], "data.seed cannot be set: it follows from seed_everything"),
        (["fit", "--model=abc"], "model is a group of settings: give them by name, such as model.NAME=VALUE"),
        (["fit", "--trainer.max_epochs=abc"], "trainer.max_epochs=abc: expected "),
        (["fit", "--checkpoint.mode=low"], "checkpoint.mode=low: expected 'min' or 'max'"),
        (["fit", "--model.image_size=32"], "model.image_size=32: expected a list such as [1, 2]"),
        (["fit", "--trainer.max_ep=3"], "trainer.max_epochs"),  # an abbreviation is not guessed
        (["test", "--ckpt=x", "--config", str(DEFAULT_CONFIG)], "'ckpt_path'"),
    ],
)
def test_a_slip_gets_what_is_right_not_a_page(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "model:\n  backbon: {class_path: ResNet}\n",
            "line 2: no setting 'model.backbon.class_path': did you mean 'model.backbone'?",
        ),
        (
            "model:\n  loss:\n    class_path: ArcFace\n    init_args:\n      margin: 0.5\n",
            "line 5: no setting 'margin': did",
        ),
        ("trainer:\n  max_epochs: many\n", "line 2: trainer.max_epochs=many: expected "),
    ],
)
def test_a_slip_in_yaml_has_its_line(text, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("slip.yaml").write_text(text)
    assert f"facerec fit: slip.yaml, {message}" in refused(capsys, "fit", "--config", "slip.yaml")


def test_what_a_configuration_lacks_is_named_with_lines_that_work(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("trainer: {max_epochs: 1}\n")
    message = refused(capsys, "fit", "--config", "mine.yaml")
    first, *lines, _ = message.splitlines()
    assert first.startswith("facerec fit: mine.yaml: missing " + ", ".join(EXAMPLES))
    Path("added.yaml").write_text("\n".join(lines))
    assert run("fit", "--config", "mine.yaml", "--config", "added.yaml", "--print_config") == 0
    assert "root: DIR" in capsys.readouterr().out


def test_a_part_that_is_there_is_not_missing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("data: {root: x}\nmodel: {backbone: {class_path: ResNet, init_args: {depth: 18}}}\n")
    assert "missing model.loss, model.optimizer. Add" in refused(capsys, "fit", "--config", "mine.yaml")


def test_the_traceback_is_there_on_request(monkeypatch):
    monkeypatch.setenv("FACEREC_TRACEBACK", "1")
    with pytest.raises(TypeError, match=r"trainer\.max_epochs"):
        run("fit", "--trainer.max_epochs=abc")


def test_a_message_of_another_kind_stays():
    assert explain("argument --data.root: expected one argument", [], ["fit"]) == (
        "argument --data.root: expected one argument"
    )


def test_nearest():
    assert nearest("trainer.max_epoch", ["trainer.max_epochs", "trainer.max_steps"]) == "trainer.max_epochs"
    assert nearest("model.backbon.class_path", ["model.backbone", "data.root"]) == "model.backbone"
    assert nearest("scal", ["model.loss.scale", "data.root"]) == "model.loss.scale"
    assert nearest("margin", ["margin_warmup", "angular_margin"]) == "angular_margin"
    assert nearest("zzz", ["model.loss.scale"]) is None
