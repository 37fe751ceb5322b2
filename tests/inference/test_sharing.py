"""A model folder: what is given away computes the same, says no names, and is trusted no more than a checkpoint."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from facerec.backbones import LeNet, TimmBackbone
from facerec.checkpoints import ModelCard, Origin
from facerec.inference import Embedder, from_pretrained, save_pretrained
from facerec.inference.submission import predict_classes
from tests.inference.networks import small_recognizer

SETTINGS = {
    "backbone": {"class_path": "facerec.backbones.ResNet", "init_args": {"depth": 18, "embedding_dim": 16, "width": 4}},
    "loss": {"class_path": "facerec.losses.Softmax"},
    "optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.1}},
    "image_size": [32, 32],
    "flip_test": True,
    "num_classes": 4,
}


@pytest.fixture
def checkpoint(tmp_path):
    """As ``facerec fit`` writes it, of a network that has seen something."""
    recognizer = small_recognizer(flip_test=True)
    content = {"state_dict": recognizer.state_dict(), "hyper_parameters": SETTINGS}
    origin = Origin(file="/home/ada/secret/best.ckpt", step=3, sha256="00")
    calibration = {"threshold": 0.41, "far": 0.03, "frr": 0.04}
    people = ("ada", "ben", "cleo", "dan")
    ModelCard(people, calibration, None, 600, "data: {root: /home/ada/faces}", "val/eer", origin).put_into(content)
    path = tmp_path / "best.ckpt"
    torch.save(content, path)
    return path


@pytest.fixture
def folder(checkpoint, tmp_path):
    return save_pretrained(checkpoint, tmp_path / "given" / "mine", "cc-by-nc-4.0")


def faces():
    return torch.randint(0, 256, (5, 3, 50, 41), dtype=torch.uint8, generator=torch.Generator().manual_seed(9))


def test_it_computes_what_the_checkpoint_computes(checkpoint, folder):
    ours, theirs = Embedder.from_checkpoint(checkpoint), Embedder.from_checkpoint(from_pretrained(folder))
    assert theirs.fingerprint == ours.fingerprint
    assert theirs.threshold == ours.threshold == 0.41
    assert torch.equal(theirs(faces()), ours(faces()))


def test_it_holds_no_names_no_paths_and_no_class_weights(folder):
    assert sorted(file.name for file in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    text = "".join((folder / name).read_text() for name in ("README.md", "config.json"))
    for secret in ("ada", "cleo", "/home", "SGD"):
        assert secret not in text
    assert '"best.ckpt"' in text
    assert all(name.startswith("backbone.") for name in load_file(folder / "model.safetensors"))


def test_the_file_that_a_timm_network_began_with_stays_at_home(checkpoint, tmp_path):
    """Its path is of the machine that trained, and the weights are in the folder."""
    content = torch.load(checkpoint, weights_only=True)
    recognizer = small_recognizer(backbone=TimmBackbone("test_resnet", 16))
    init_args = {"name": "test_resnet", "embedding_dim": 16, "checkpoint": "/home/ada/secret.pth"}
    described = {"class_path": "facerec.backbones.TimmBackbone", "init_args": init_args}
    content["hyper_parameters"] = {**SETTINGS, "backbone": described}
    content["state_dict"] = recognizer.state_dict()
    torch.save(content, checkpoint)
    shared = save_pretrained(checkpoint, tmp_path / "timm")
    assert "/home" not in (shared / "config.json").read_text()
    assert torch.equal(Embedder.from_checkpoint(shared)(faces()), Embedder.from_checkpoint(checkpoint)(faces()))


def test_its_readme_has_what_the_hub_reads_and_the_numbers(folder):
    text = (folder / "README.md").read_text()
    assert text.startswith("---\nlicense: cc-by-nc-4.0\nlibrary_name: facerec\n")
    assert "ResNet-18 for images of 32x32, trained for 600 steps on 4 people" in text
    assert "cosine 0.4100: FMR 3.00% and FNMR 4.00%" in text


def test_what_needs_class_weights_says_that_there_are_none(folder):
    embedder = Embedder.from_checkpoint(folder)
    with pytest.raises(ValueError, match="no class weights"):
        predict_classes(embedder, embedder(faces()))


def test_a_counter_of_the_loss_comes_along(tmp_path, checkpoint):
    """ArcFace counts its steps before it has classes."""
    content = torch.load(checkpoint, weights_only=True)
    content["hyper_parameters"] = {**SETTINGS, "loss": {"class_path": "facerec.losses.ArcFace"}}
    content["state_dict"]["loss.steps"] = torch.tensor(600)
    torch.save(content, checkpoint)
    shared = save_pretrained(checkpoint, tmp_path / "arcface")
    assert "loss.weight" not in load_file(shared / "model.safetensors")
    assert Embedder.from_checkpoint(shared)(faces()).shape == (5, 16)


def edit(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_damaged_or_foreign_folder_is_refused(folder, tmp_path):
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match="is damaged, or not the file that config.json describes"):
        Embedder.from_checkpoint(folder)
    weights.write_bytes(whole)
    edit(folder, format_version=2)
    with pytest.raises(ValueError, match="Update facerec"):
        Embedder.from_checkpoint(folder)
    edit(folder, format_version=1, model={**SETTINGS, "backbone": {"class_path": "os.system"}})
    with pytest.raises(ValueError, match=r"os\.system"):
        Embedder.from_checkpoint(folder)
    edit(folder, library_name="timm")
    with pytest.raises(ValueError, match="no model folder of facerec"):
        from_pretrained(folder)
    with pytest.raises(FileNotFoundError, match="no model folder"):
        from_pretrained(tmp_path / "nowhere")


def test_other_weights_under_the_description_are_refused(folder):
    """With the checksum made anew: shapes are compared before a network is built."""
    import hashlib

    torch.manual_seed(1)
    save_file(LeNet(16).state_dict(), folder / "model.safetensors")
    edit(folder, sha256=hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="has no weights|has weights"):
        Embedder.from_checkpoint(folder)


def test_a_folder_of_other_things_is_left_alone(checkpoint, folder, tmp_path):
    other = tmp_path / "project"
    other.mkdir()
    (other / "README.md").write_text("mine")
    with pytest.raises(ValueError, match="holds other files"):
        save_pretrained(checkpoint, other)
    assert (other / "README.md").read_text() == "mine"
    assert save_pretrained(checkpoint, folder) == folder  # a model folder is replaced
    shutil.rmtree(folder)
