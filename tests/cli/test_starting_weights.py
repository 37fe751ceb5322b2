"""``fit --init_from``: a new training from the weights of another, on real faces."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import timm
import torch
import yaml
from lightning.pytorch import Callback
from safetensors.torch import save_file
from torch import nn

from facerec.backbones import IResNet
from facerec.checkpoints import read_card
from facerec.cli import training
from facerec.cli.foreign_weights import read_foreign
from tests.backbones.insightface import TheirIResNet
from tests.backbones.test_parity import randomise, relative_error
from tests.cli.conftest import assert_refused, best_file, last, run
from tests.conftest import SMALL

ONE_STEP = [*SMALL, "--trainer.max_epochs=1", "--trainer.limit_train_batches=1", "--checkpoint.candidates_after=0"]


class NoteStart(Callback):
    """Keeps the weights that a training starts with."""

    def __init__(self) -> None:
        self.weights: list[dict[str, torch.Tensor]] = []

    def on_train_start(self, trainer, pl_module):
        self.weights.append({name: value.clone() for name, value in pl_module.state_dict().items()})


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, torch.Tensor]]:
    """The weights at the start of each training."""
    noted, ordered = NoteStart(), training.FaceCLI.ordered_callbacks
    monkeypatch.setattr(training.FaceCLI, "ordered_callbacks", lambda self, *given: [noted, *ordered(self, *given)])
    return noted.weights


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def names_taken(start: dict[str, torch.Tensor], source: dict[str, torch.Tensor], part: str) -> set[str]:
    """Names of a part whose values are those of the source."""
    return {
        name
        for name, value in start.items()
        if name.startswith(part) and name in source and torch.equal(value, source[name])
    }


def test_the_same_people_and_another_loss_take_the_best_weights_of_both(run_copy, starts, capsys, caplog):
    best = best_file(run_copy)
    assert run("fit", *ONE_STEP, "--model.loss=CosFace", "--init_from", "runs/orl_resnet18_arcface") == 0
    assert f"--init_from runs/orl_resnet18_arcface: taking {best}" in capsys.readouterr().err
    said = caplog.text
    assert "taken: 126 of 126 of the backbone, 1 of 2 of the loss" in said
    assert "not taken, counters start at 0: loss.steps" in said
    source = weights(best)
    assert names_taken(starts[0], source, "") == starts[0].keys() - {"loss.steps"}
    assert starts[0]["loss.steps"] == 0 < source["loss.steps"]
    checksum = hashlib.sha256(best.read_bytes()).hexdigest()
    origin = {"file": str(best), "step": torch.load(best, weights_only=True)["global_step"], "sha256": checksum}
    new = run_copy.with_name("version_1")
    assert read_card(new / "checkpoints" / "last.ckpt").started_from == origin
    assert yaml.safe_load((new / "config.yaml").read_text())["init_from"] == str(best)


def test_other_people_and_another_embedding_leave_the_rest_as_new(run_copy, vggface_root, starts, caplog):
    people = [f"--data.root={vggface_root}", "--data.batch_size=4", "--model.backbone.init_args.embedding_dim=8"]
    assert run("fit", *ONE_STEP, *people, "--init_from", run_copy) == 0
    said = caplog.text
    assert "taken: 121 of 126 of the backbone, 0 of 2 of the loss" in said
    assert "of another shape: backbone.head.linear.weight, backbone.head.norm.weight, backbone.head.norm.bias" in said
    assert "not taken, other people: loss.weight, loss.steps" in said
    source = weights(best_file(run_copy))
    assert names_taken(starts[0], source, "backbone.stages") == {
        name for name in starts[0] if name.startswith("backbone.stages")
    }
    assert not names_taken(starts[0], source, "loss.weight")


def test_as_many_other_people_take_no_class_weights(run_copy, vggface_root, starts, caplog):
    options = [*ONE_STEP, f"--data.root={vggface_root}", "--data.batch_size=4"]
    assert run("fit", *options) == 0
    (vggface_root / "train" / "n000002").rename(vggface_root / "train" / "n000009")
    shutil.rmtree(vggface_root / "dev")
    assert run("fit", *options, "--init_from", run_copy.with_name("version_1")) == 0
    assert "126 of 126 of the backbone, 0 of 2 of the loss" in caplog.text
    source = weights(run_copy.with_name("version_1") / "checkpoints" / "last.ckpt")
    assert not torch.equal(starts[1]["loss.weight"], source["loss.weight"])


def test_a_training_that_goes_on_reads_its_own_weights_alone(run_copy, starts, tmp_path, caplog):
    config = tmp_path / "second.yaml"
    settings = yaml.safe_load((run_copy / "config.yaml").read_text())
    config.write_text(yaml.safe_dump(settings | {"init_from": str(run_copy)}))
    assert run("fit", "--config", config) == 0
    best_file(run_copy).unlink()  # so that to read it again would fail
    new = Path("runs", "second", "version_0")
    origin, before = read_card(new / "checkpoints" / "last.ckpt").started_from, last(new)["state_dict"]
    for resumed in (["--config", config, "--ckpt_path", "last"], ["--ckpt_path", new]):
        caplog.clear()
        epochs = last(new)["epoch"] + 2
        assert run("fit", *resumed, f"--trainer.max_epochs={epochs}") == 0
        assert "taken:" not in caplog.text
        assert starts[-1].keys() == before.keys()
        assert all(torch.equal(starts[-1][name], value) for name, value in before.items())
        before = last(new)["state_dict"]
        assert read_card(new / "checkpoints" / "last.ckpt").started_from == origin is not None
        assert yaml.safe_load((new / "config.yaml").read_text())["init_from"]


def test_what_cannot_be_meant_is_refused(run_copy, tmp_path, capsys):
    both = ["fit", "--ckpt_path", run_copy, "--init_from", run_copy]
    assert_refused("--init_from and --ckpt_path are both given", capsys, *both)
    assert_refused("give --ckpt_path to test", capsys, "test", "--init_from", run_copy)
    assert_refused("no checkpoint nowhere.ckpt", capsys, "fit", *ONE_STEP, "--init_from", "nowhere.ckpt")
    other_loss = ["fit", "--ckpt_path", run_copy, "--model.loss=CosFace", "--trainer.max_epochs=3"]
    assert_refused("start a new training with --init_from in place of --ckpt_path", capsys, *other_loss)
    assert [path.name for path in Path("runs").glob("*/*")] == ["version_0"]


def test_another_loss_in_a_file_is_overridden_by_the_checkpoint_and_the_way_out_is_told(run_copy, tmp_path):
    config = tmp_path / "other_loss.yaml"
    settings = yaml.safe_load((run_copy / "config.yaml").read_text())
    settings["model"]["loss"] = {"class_path": "facerec.losses.CosFace"}
    config.write_text(yaml.safe_dump(settings))
    said = "overrides model.loss.class_path: .*CosFace' becomes .*ArcFace'.* start a new training with --init_from"
    with pytest.warns(UserWarning, match=said):
        assert run("fit", "--config", config, "--ckpt_path", run_copy, "--trainer.max_epochs=3") == 0


def test_a_stranger_is_not_run_and_damage_is_named(run_copy, capsys):
    checkpoint = last(run_copy)
    checkpoint["hyper_parameters"]["backbone"]["class_path"] = "theirs.Net"
    torch.save(checkpoint, "strange.ckpt")
    said = "strange.ckpt names the class theirs.Net as backbone, and importing it would run its code"
    assert_refused(said, capsys, "fit", *ONE_STEP, "--init_from", "strange.ckpt")
    content = best_file(run_copy).read_bytes()
    Path("damaged.ckpt").write_bytes(content[: len(content) // 2])
    assert_refused("damaged.ckpt does not load", capsys, "fit", *ONE_STEP, "--init_from", "damaged.ckpt")


def test_another_network_takes_nothing_and_says_so(run_copy, capsys):
    other = [option for option in ONE_STEP if "backbone" not in option]
    other += ['--model.backbone={"class_path": "LeNet", "init_args": {"embedding_dim": 8}}']
    said = "none of its weights fits this model.backbone"
    assert_refused(said, capsys, "fit", *other, "--init_from", run_copy)


def with_backbone(family: str, **settings: object) -> list[str]:
    """One step of a network that is not the default's."""
    options = [option for option in ONE_STEP if "backbone" not in option and "image_size" not in option]
    backbone = {"class_path": family, "init_args": {"embedding_dim": 16, **settings}}
    return [*options, f"--model.backbone={json.dumps(backbone)}"]


@pytest.fixture
def insightface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """insightface's network, and its weights in backbone.pth."""
    monkeypatch.chdir(tmp_path)
    network = TheirIResNet().eval()
    randomise(network)
    torch.save(network.state_dict(), "backbone.pth")
    return network


IRESNET = with_backbone("IResNet", depth=18, width=8)


def test_a_network_of_insightface_starts_a_training(insightface, starts, caplog):
    assert run("fit", *IRESNET, "--init_from", "backbone.pth") == 0
    said = caplog.text
    assert "--init_from backbone.pth, weights of insightface" in said
    ours = IResNet(18, embedding_dim=16, width=8)
    everything = len(ours.state_dict())
    assert f"taken: {everything} of {everything} of the backbone, 0 of 2 of the loss" in said
    assert "not taken, not in the checkpoint: loss.weight\n" in said
    assert "image_mean" not in said  # its pixels are ours
    ours.load_state_dict({name.removeprefix("backbone."): w for name, w in starts[0].items() if "backbone" in name})
    images = torch.randn(2, 3, 112, 112)
    with torch.no_grad():
        assert relative_error(ours.eval()(images), insightface(images)) < 1e-5
    checksum = hashlib.sha256(Path("backbone.pth").read_bytes()).hexdigest()
    checkpoint = next(Path("runs").rglob("last.ckpt"))
    assert read_card(checkpoint).started_from == {"file": "backbone.pth", "step": 0, "sha256": checksum}


def test_a_network_of_timm_starts_a_training_and_its_pixels_are_told(tmp_path, monkeypatch, starts, caplog):
    monkeypatch.chdir(tmp_path)
    theirs = timm.create_model("mobilenetv2_035").state_dict()
    save_file(theirs, "model.safetensors")
    options = with_backbone("MobileNetV2", width_multiplier=0.35, stem="paper")
    with pytest.warns(UserWarning, match="was trained with model.image_mean=0.449, and this training has 0.5"):
        assert run("fit", *options, "--init_from", "model.safetensors") == 0
    assert "--init_from model.safetensors, weights of timm" in caplog.text
    assert "not in this model: classifier.bias, classifier.weight" in caplog.text
    for place, name in (("stem.0", "conv_stem"), ("stages.1.1.branch.3", "blocks.1.1.conv_dw"), ("stages.7.1", "bn2")):
        assert torch.equal(starts[0][f"backbone.{place}.weight"], theirs[f"{name}.weight"])


def test_weights_in_a_dictionary_and_of_several_processes_are_found(insightface):
    weights = insightface.state_dict()
    torch.save({"state_dict": {f"module.{name}": weight for name, weight in weights.items()}, "epoch": 3}, "all.pt")
    found = read_foreign("all.pt")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weight) for name, weight in weights.items())


def test_files_of_other_libraries_that_cannot_be_used_are_refused(insightface, capsys, tmp_path):
    lenet = ["fit", *with_backbone("LeNet"), "--init_from", "backbone.pth"]
    assert_refused("for LeNet it knows no names of another library. It knows insightface's for IResNet", capsys, *lenet)
    resnet = ["fit", *with_backbone("ResNet", depth=18, width=8), "--init_from", "backbone.pth"]
    assert_refused("not the weights of ResNet, with these settings, in timm: they hold prelu.weight", capsys, *resnet)
    wider = ["fit", *with_backbone("IResNet", depth=18, width=4), "--init_from", "backbone.pth"]
    assert_refused("Give a backbone of the width and stem of that network", capsys, *wider)
    Path("cut.safetensors").write_bytes(b"\x10" + bytes(20))
    assert_refused(
        "cut.safetensors does not load as safetensors", capsys, "fit", *IRESNET, "--init_from=cut.safetensors"
    )
    assert_refused("no file no.safetensors", capsys, "fit", *IRESNET, "--init_from=no.safetensors")
    torch.save({"conv1.weight": Path.cwd}, "code.pth")
    assert_refused("code.pth does not load", capsys, "fit", *IRESNET, "--init_from=code.pth")
    torch.save({"lr": 0.1}, "nothing.pth")
    assert_refused("nothing.pth is not a checkpoint", capsys, "fit", *IRESNET, "--init_from=nothing.pth")
    assert not list(tmp_path.rglob("*.ckpt"))
