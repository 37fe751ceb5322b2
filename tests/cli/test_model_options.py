"""What is wrong with a model or its options, said by the commands that use one."""

import pytest
import torch

from tests.cli.conftest import assert_refused, run
from tests.conftest import face


@pytest.fixture
def bad_models(model, tmp_path):
    """Files that are no model, or one that diverged; and what is said of each."""
    checkpoint = torch.load(model[1], weights_only=True)
    contents = {
        "list.ckpt": [torch.zeros(1)],
        "others.ckpt": {"state_dict": {}, "hyper_parameters": {"backbone": "resnet50"}},
        "none.ckpt": {"state_dict": {}, "hyper_parameters": None},
        "nan.ckpt": checkpoint
        | {"state_dict": {name: tensor * float("nan") for name, tensor in checkpoint["state_dict"].items()}},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    return {
        tmp_path / "list.ckpt": "it holds no state_dict",
        tmp_path / "others.ckpt": "names resnet50 as backbone, and it is no Backbone",
        tmp_path / "none.ckpt": "holds no description of its backbone",
        tmp_path / "nan.ckpt": "training diverged",
        tmp_path / "text.ckpt": "does not load as a checkpoint",
    }


def test_a_bad_model_is_an_error_and_no_answer(bad_models, capsys):
    """Status 1 says "different people" or "nobody known"; whatever goes wrong is 2, in a line that names it."""
    for path, message in bad_models.items():
        assert_refused(message, capsys, "verify", face(1, 1), face(1, 2), "--ckpt_path", path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--threshold", "nan"), "--threshold nan: give a cosine in [-1, 1]"),
        (("--threshold", 1.5), "--threshold 1.5: give a cosine in [-1, 1]"),
        (("--batch_size", 0), "--batch_size=0: must be at least 1"),
        (("--device", "abacus"), "--device abacus cannot be used here"),
    ],
)
def test_a_bad_option_is_an_error_and_no_answer(options, message, model, capsys):
    assert_refused(message, capsys, "verify", face(1, 1), face(1, 2), *model, *options)


@pytest.mark.parametrize("command", ["verify", "enroll", "identify", "predict", "embed"])
def test_every_command_that_uses_a_model_has_the_same_options(command, capsys):
    assert run(command, "--help") == 0
    said = capsys.readouterr().out
    for option in ("--ckpt_path PATH", "--device DEVICE", "--precision {", "--batch_size N", "--align "):
        assert f"\n  {option}" in said
    assert ("--threshold COSINE" in said) == (command in ("verify", "identify"))
