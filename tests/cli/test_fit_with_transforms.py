"""`facerec fit` with torchvision's transforms in YAML: trained with, kept, and built again from the checkpoint."""

from pathlib import Path

import pytest
import torch
import yaml

from facerec.cli.configuration import data_module
from tests.cli.conftest import assert_refused, run
from tests.conftest import SMALL

V2 = "torchvision.transforms.v2"
CONFIG = f"""
trainer: {{max_epochs: 1}}
data:
  train: {{class_path: ORLImages, init_args: {{part: train}}}}
  val_pairs: {{orl: {{class_path: ORLPairs, init_args: {{part: val}}}}}}
  batch_size: 64
  transforms:
    - {{class_path: {V2}.RandomHorizontalFlip, init_args: {{p: 0.5}}}}
    - {{class_path: ColorJitter, init_args: {{brightness: 0.3, hue: [-0.02, 0.02]}}}}
    - {{class_path: {V2}.RandomRotation, init_args: {{degrees: 10, interpolation: bilinear}}}}
    - class_path: {V2}.RandomApply
      init_args: {{p: 0.2, transforms: [{{class_path: {V2}.GaussianBlur, init_args: {{kernel_size: 5}}}}]}}
    - {{class_path: {V2}.AutoAugment, init_args: {{policy: IMAGENET}}}}
model:
  backbone: {{class_path: ResNet, init_args: {{depth: 18}}}}
  loss: {{class_path: ArcFace, init_args: {{scale: 16.0}}}}
  optimizer: {{class_path: torch.optim.SGD, init_args: {{lr: 0.05}}}}
"""


def test_a_run_keeps_its_transforms_and_goes_on_with_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    short = [*SMALL, "--trainer.limit_train_batches=1"]
    assert run("fit", "--config", "mine.yaml", *short, "--trainer.max_epochs=1") == 0
    folder = Path("runs", "mine", "version_0")
    saved = yaml.safe_load((folder / "config.yaml").read_text())
    assert [part["class_path"].rpartition(".")[2] for part in saved["data"]["transforms"]] == [
        "RandomHorizontalFlip", "ColorJitter", "RandomRotation", "RandomApply", "AutoAugment"
    ]  # fmt: skip
    assert saved["data"]["transforms"][2]["init_args"]["degrees"] == 10
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert yaml.safe_load(checkpoint["facerec"]["configuration"])["data"] == saved["data"]
    assert run("test", "--ckpt_path", folder, "--data.test_pairs={orl: {class_path: ORLPairs}}") == 0
    assert run("fit", "--ckpt_path", folder, "--trainer.max_epochs=2") == 0
    again = data_module({"data": {"transforms": saved["data"]["transforms"]}})
    first = data_module(yaml.safe_load(CONFIG) | {"model": {}})
    assert str(again.transforms.transforms) == str(first.transforms.transforms)


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ("torchvision.transforms.RandomHorizontalFlip", f"Name a class of {V2}"),
        ("Colorjitter", "data.transforms=Colorjitter: no such class: did you mean 'ColorJitter'?"),
        (f"{V2}.ColourJitter", f"has no attribute 'ColourJitter'. Name a class of {V2}"),
        ("{class_path: ColorJitter, init_args: {brigthness: 3}}", "'brigthness': did you mean 'brightness'?"),
        ("{class_path: RandomRotation, init_args: {degrees: ten}}", "degrees=ten: expected Number or Sequence"),
        ("{class_path: Resize, init_args: {size: 64}}", "into uint8 (3, 64, 64), and training takes uint8 (3, 32, 32)"),
        ("facerec.losses.ArcFace", "does not correspond to a subclass of Transform"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_before_a_run_is_made(transforms, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(message, capsys, "fit", *SMALL, f"--data.transforms=[{transforms}]")
    assert not Path("runs").exists()
