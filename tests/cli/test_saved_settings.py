"""The settings that a run and its checkpoints keep, and what is taken of them later."""

import pytest
import torch
import yaml

from facerec.cli import main
from facerec.cli.saved_settings import _without_extensions
from tests.cli.conftest import assert_refused, last
from tests.cli.stop import Witness


def test_saved_config_is_complete_and_repeats_the_run(orl_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", "--config", str(orl_run / "config.yaml")])
    again = last(tmp_path / "runs" / "orl_resnet18_arcface" / "version_0")
    for name, weight in last(orl_run)["state_dict"].items():
        torch.testing.assert_close(again["state_dict"][name], weight, rtol=0, atol=0)


@pytest.mark.parametrize("command", ["validate", "test"])
@pytest.mark.parametrize("named", ["tests.cli.stop.Witness", [{"class_path": "tests.cli.stop.Witness"}]])
def test_a_callback_that_a_checkpoint_names_is_not_built_to_measure_it(command, named, run_copy):
    """A checkpoint may be someone else's."""
    checkpoint = last(run_copy)
    settings = yaml.safe_load(checkpoint["facerec"]["configuration"])
    settings["trainer"]["callbacks"] = named
    path = run_copy / "checkpoints" / "strange.ckpt"
    checkpoint["facerec"]["configuration"] = yaml.safe_dump(settings)
    torch.save(checkpoint, path)
    Witness.built = 0
    main([command, "--ckpt_path", str(path)])
    assert Witness.built == 0
    main([command, "--ckpt_path", str(path), "--trainer.callbacks+=tests.cli.stop.Witness"])
    assert Witness.built == 1  # the user's own


def test_what_a_measurement_takes_of_a_checkpoints_trainer():
    plain = {"accelerator": "cpu", "devices": 2, "precision": "bf16-mixed", "logger": False}
    classes = {"callbacks": ["a.B"], "plugins": ["a.B"], "profiler": "a.B", "strategy": {"class_path": "a.B"}}
    assert _without_extensions(plain | classes) == plain
    assert _without_extensions({"logger": {"class_path": "a.B"}, "accelerator": "a.B"}) == {}


@pytest.mark.parametrize("command", ["validate", "test"])
def test_what_is_no_checkpoint_is_named(command, tmp_path, capsys):
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    text = tmp_path / "text.ckpt"
    assert_refused("text.ckpt does not load as a checkpoint of `facerec fit`", capsys, command, "--ckpt_path", text)
    (tmp_path / "model.onnx").write_bytes(b"x")
    said = "model.onnx is what `facerec export` made: this command needs the checkpoint"
    assert_refused(said, capsys, command, "--ckpt_path", tmp_path / "model.onnx")
    torch.save({"state_dict": {}, "facerec_config": "seed_everything: 0"}, tmp_path / "old.ckpt")
    said = "old.ckpt was written by an earlier version of facerec. Train anew"
    assert_refused(said, capsys, command, "--ckpt_path", tmp_path / "old.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "bare.ckpt")
    said = "bare.ckpt does not load as a checkpoint of `facerec fit`: it has no model card"
    assert_refused(said, capsys, command, "--ckpt_path", tmp_path / "bare.ckpt")


@pytest.mark.parametrize("part", ["model", "data", "trainer", "checkpoint", "verification"])
def test_a_damaged_configuration_is_named(part, run_copy, tmp_path, capsys):
    checkpoint = last(run_copy)
    checkpoint["facerec"]["configuration"] = yaml.safe_dump({part: ["x"]})
    torch.save(checkpoint, tmp_path / "bad.ckpt")
    assert_refused(
        f"bad.ckpt is damaged: {part} of its configuration", capsys, "test", "--ckpt_path", tmp_path / "bad.ckpt"
    )
    checkpoint["facerec"]["configuration"] = "- a"
    torch.save(checkpoint, tmp_path / "bad.ckpt")
    assert_refused("bad.ckpt is damaged: its configuration", capsys, "test", "--ckpt_path", tmp_path / "bad.ckpt")


@pytest.mark.parametrize(
    ("command", "key"), [("fit", "loops"), ("fit", "optimizer_states"), ("test", "pytorch-lightning_version")]
)
def test_weights_alone_are_not_resumed(command, key, run_copy, tmp_path, capsys):
    checkpoint = last(run_copy)
    del checkpoint[key]
    torch.save(checkpoint, tmp_path / "bare.ckpt")
    assert_refused(f"bare.ckpt holds no {key}", capsys, command, "--ckpt_path", tmp_path / "bare.ckpt")


@pytest.mark.parametrize("command", ["fit", "validate", "test"])
def test_a_checkpoint_that_was_cut_off_is_named_beside_a_configuration_too(command, run_copy, tmp_path, capsys):
    content = (run_copy / "checkpoints" / "last.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(content[: len(content) // 2])
    said = "cut.ckpt does not load as a checkpoint of `facerec fit`: it is no checkpoint at all, or was cut off"
    assert_refused(said, capsys, command, "--config", run_copy / "config.yaml", "--ckpt_path", tmp_path / "cut.ckpt")
