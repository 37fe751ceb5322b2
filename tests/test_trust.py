"""Which classes a checkpoint may name: those of facerec and its libraries, of the right family, and trusted ones."""

import os
import sys
from pathlib import Path

import pytest
import torch
import yaml

from facerec.backbones import Backbone
from facerec.data import FaceDataModule
from facerec.inference import Embedder, load_model
from facerec.inference.loading import load_recognizer
from facerec.recognizer import FaceRecognizer
from facerec.trust import require_trusted
from tests.cli.conftest import assert_refused, best_file, run
from tests.conftest import face

RESNET = {"class_path": "facerec.backbones.ResNet", "init_args": {"depth": 18}}
THEIRS = """
from pathlib import Path
Path("ran").touch()
from facerec.backbones import ResNet
class Net(ResNet):
    pass
"""


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a module that notes that it was imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "theirs_of_the_test.py").write_text(THEIRS)
    monkeypatch.delitem(sys.modules, "theirs_of_the_test", raising=False)
    return tmp_path


@pytest.fixture
def strange(theirs: Path, orl_run: Path) -> Path:
    """A real checkpoint whose backbone is a class of that module."""
    checkpoint = torch.load(best_file(orl_run), weights_only=True)
    checkpoint["hyper_parameters"]["backbone"]["class_path"] = "theirs_of_the_test.Net"
    configuration = yaml.safe_load(checkpoint["facerec"]["configuration"])
    configuration["model"]["backbone"]["class_path"] = "theirs_of_the_test.Net"
    checkpoint["facerec"]["configuration"] = yaml.safe_dump(configuration)
    torch.save(checkpoint, theirs / "strange.ckpt")
    return theirs / "strange.ckpt"


IMAGES = (face(1, 1), face(1, 2))
COMMANDS = {
    "verify": IMAGES,
    "identify": (*IMAGES, "--gallery", "gallery.npz"),
    "enroll": ("people.txt", "--output", "new.npz"),
    "embed": (*IMAGES, "--output", "new.npz"),
    "predict": ("--classify", face(1, 1).parent, "--output", "new.csv"),
    "export": ("--output", "new.onnx"),
    "validate": (),
    "test": (),
    "fit": (),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_imports_a_module_because_a_checkpoint_names_it(command, strange, orl_run, capsys) -> None:
    Path("people.txt").write_text(f"{face(1, 1)} ann\n")
    if command == "identify":
        assert run("enroll", "people.txt", "--ckpt_path", best_file(orl_run), "--output", "gallery.npz") == 0
    said = "names the class theirs_of_the_test.Net as"
    assert_refused(said, capsys, command, *COMMANDS[command], "--ckpt_path", strange)
    assert not Path("ran").exists()
    assert not list(Path.cwd().glob("new.*"))


@pytest.mark.parametrize("command", ["validate", "fit"])
def test_nor_with_a_configuration_of_ones_own(command, strange, orl_run, capsys) -> None:
    config = orl_run / "config.yaml"
    assert_refused("give --trust theirs_of_the_test", capsys, command, "--config", config, "--ckpt_path", strange)
    assert not Path("ran").exists()


def test_a_module_that_is_trusted_is_imported(strange, capsys) -> None:
    assert run("verify", *IMAGES, "--ckpt_path", strange, "--trust", "theirs_of_the_test", "--threshold", -1) == 0
    assert Path("ran").exists()


def test_validate_takes_trust_as_well(strange, capsys) -> None:
    assert run("validate", "--ckpt_path", strange, "--trust=theirs_of_the_test") == 0


def test_python_trusts_by_name(strange) -> None:
    for load in (load_model, load_recognizer, Embedder.from_checkpoint):
        with pytest.raises(ValueError, match=r'or trust=\["theirs_of_the_test"\] in Python'):
            load(strange)
    assert Embedder.from_checkpoint(strange, trust=["theirs_of_the_test"]).image_size == (32, 32)


def test_a_backbone_that_the_program_has_imported_needs_no_trust(strange) -> None:
    import theirs_of_the_test

    recognizer = load_recognizer(strange)
    assert type(recognizer.backbone) is theirs_of_the_test.Net


def refused(settings: dict, message: str, kind: type = FaceRecognizer, **options: object) -> None:
    with pytest.raises(ValueError, match=message) as error:
        require_trusted(kind, settings, "x.ckpt", **options)
    assert str(error.value).startswith("x.ckpt ")


@pytest.mark.parametrize("place", ["backbone", "loss", "schedule", "optimizer"])
def test_text_in_the_place_of_a_class_is_its_name(place) -> None:
    refused({place: "theirs.Net"}, f"names the class theirs.Net as {place}")


@pytest.mark.parametrize(
    "settings",
    [
        {"backbone": {"class_path": "facerec.backbones.ResNet", "init_args": {"head": {"class_path": "theirs.Net"}}}},
        {"backbone": {"class_path": "facerec.backbones.ResNet", "dict_kwargs": {"head": {"class_path": "theirs.Net"}}}},
        {"backbone": {"init_args": {"head": "theirs.Net"}}},
        {"loss": {"class_path": "facerec.losses.Joint", "init_args": {"losses": {"a": {"class_path": "theirs.Net"}}}}},
        {"loss": {"class_path": "facerec.losses.Joint", "init_args": {"losses": {"a": "theirs.Net"}}}},
        {"unknown": {"class_path": "theirs.Net"}},
        {"unknown": [{"deep": [{"class_path": "theirs.Net"}]}]},
    ],
)
def test_names_are_found_however_deep_they_are(settings) -> None:
    refused(settings, "names the class theirs.Net as")
    with pytest.raises(ValueError, match="not there: No module named 'theirs'"):
        require_trusted(FaceRecognizer, settings, "x.ckpt", trust=["theirs"])


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("backbone", "torch.hub.load"),
        ("backbone", "torch.nn.Linear"),
        ("loss", "facerec.backbones.ResNet"),
        ("optimizer", "torch.hub.load"),
        ("optimizer", "torch.nn.Linear"),
        ("unknown", "torch.hub.load"),
        ("unknown", "facerec.cli.runs.Path"),
    ],
)
def test_what_is_no_class_of_the_family_is_refused(place, path) -> None:
    refused({place: {"class_path": path}}, f"names {path} as {place}, and it is no")


@pytest.mark.parametrize("path", ["os.system", "facerec.cli.runs.os.system", "torch.__main__.x", "", "a b.c", 3, None])
def test_other_names_are_refused_before_an_import(path) -> None:
    refused({"backbone": {"class_path": path}}, "names")


def test_text_where_no_class_is_due_is_text() -> None:
    timm = {"class_path": "facerec.backbones.TimmBackbone", "init_args": {"name": "resnet50.a1_in1k"}}
    require_trusted(FaceRecognizer, {"backbone": timm, "flip_test": "sum", "image_size": [112, 112]}, "x.ckpt")


def test_a_trusted_module_does_not_trust_its_namesake() -> None:
    refused({"backbone": {"class_path": "torchevil.Net"}}, "importing it would run its code")
    refused({"backbone": {"class_path": "theirs2.Net"}}, "give --trust theirs2", trust=["theirs"])


def test_one_list_in_another_a_thousand_times_is_refused_at_once() -> None:
    nested: list = ["x"]
    for _ in range(40):
        nested = [nested, nested]
    refused({"unknown": nested}, "too many settings")
    deep: dict = {}
    for _ in range(100):
        deep = {"a": deep}
    refused({"unknown": deep}, "too many settings")


class Hooked(Backbone):
    """A backbone of this very module, which is imported."""


def test_a_class_of_this_program_of_another_family_is_refused() -> None:
    name = f"{Hooked.__module__}.Hooked"
    require_trusted(FaceRecognizer, {"backbone": {"class_path": name}}, "x.ckpt")
    refused({"loss": {"class_path": name}}, "importing it would run its code")


V2 = "torchvision.transforms.v2"


def test_transforms_of_torchvision_and_parts_of_them_are_trusted() -> None:
    blur = {"class_path": f"{V2}.GaussianBlur", "init_args": {"kernel_size": 5}}
    nested = {"class_path": f"{V2}.RandomApply", "init_args": {"transforms": [blur, f"{V2}.Grayscale"], "p": 0.2}}
    rotation = {"class_path": f"{V2}.RandomRotation", "init_args": {"degrees": 10, "interpolation": "bilinear"}}
    require_trusted(FaceDataModule, {"transforms": [nested, rotation]}, "x.ckpt")


@pytest.mark.parametrize(
    "transform",
    [
        {"class_path": "theirs.Net"},
        {"class_path": f"{V2}.RandomApply", "init_args": {"transforms": [{"class_path": "theirs.Net"}]}},
        {"class_path": f"{V2}.RandomApply", "init_args": {"transforms": ["os.system"]}},
        {"class_path": f"{V2}.Lambda", "init_args": {"lambd": "os.system"}},
        {"class_path": f"{V2}.Lambda", "init_args": {"lambd": "torch.hub.load"}},
        {"class_path": "torch.nn.Linear"},
    ],
)
def test_a_transform_that_may_run_other_code_is_refused(transform) -> None:
    refused({"transforms": [transform]}, "names ", FaceDataModule)


def test_every_experiment_names_trusted_classes_alone() -> None:
    from facerec.cli.saved_settings import PARTS

    for config in (Path(__file__).parents[1] / "experiments").glob("*.yaml"):
        settings = yaml.safe_load(config.read_text(encoding="utf-8"))
        for part, kind in PARTS.items():
            require_trusted(kind, settings.get(part) or {}, os.fspath(config))
