"""``model.small_images`` on real faces: the size of each step, and that nothing but the training is at it."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback
from torch import nn

from facerec.backbones import Backbone, EmbeddingHead, IResNet, ResNet
from facerec.backbones.small_images import SmallImages
from facerec.callbacks import Verification
from facerec.data import FaceDataModule, ORLImages, ORLPairs
from facerec.losses import ArcFace
from facerec.recognizer import FaceRecognizer
from tests.callbacks.conftest import quiet_trainer
from tests.cli.conftest import run

SIZE, SMALL = (32, 40), (16, 24)
HALF = SmallImages(SMALL, until=0.5)


class NoteSizes(Callback):
    """Keeps the size of what the backbone gets, in training steps and elsewhere."""

    def __init__(self) -> None:
        self.trained: list[tuple[int, ...]] = []
        self.measured: set[tuple[int, ...]] = set()

    def on_fit_start(self, trainer, pl_module):
        def note(backbone: nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
            size = tuple(arguments[0].shape[-2:])
            self.trained.append(size) if backbone.training else self.measured.add(size)

        pl_module.backbone.register_forward_pre_hook(note)


def faces() -> FaceDataModule:
    """Batches of eight, so that an epoch has many."""
    return FaceDataModule(train=ORLImages("train"), val_pairs={"orl": ORLPairs("val")}, image_size=SIZE, batch_size=8)


def recognizer(backbone: Backbone | None = None, small: SmallImages | None = HALF) -> FaceRecognizer:
    torch.manual_seed(0)
    backbone = backbone or ResNet(18, embedding_dim=16, width=4, head=EmbeddingHead("flatten"))
    optimizer = partial(torch.optim.SGD, lr=0.05)
    return FaceRecognizer(backbone, ArcFace(16.0), optimizer, num_classes=24, image_size=SIZE, small_images=small)


def test_the_first_steps_are_small_and_every_measurement_has_the_full_size():
    sizes = NoteSizes()
    trainer = quiet_trainer(sizes, Verification(), max_epochs=3, limit_train_batches=3, limit_val_batches=1.0)
    trainer.fit(recognizer(), datamodule=faces())
    assert sizes.trained == [SMALL] * 5 + [SIZE] * 4
    assert sizes.measured == {SIZE}


def test_accumulated_batches_count_as_the_one_step_that_they_are():
    sizes = NoteSizes()
    trainer = quiet_trainer(sizes, max_epochs=1, limit_train_batches=6, accumulate_grad_batches=2)
    trainer.fit(recognizer(small=SmallImages(SMALL, until=0.3)), datamodule=faces())
    assert sizes.trained == [SMALL] * 2 + [SIZE] * 4


def test_a_resumed_training_goes_on_with_the_size_of_its_step(tmp_path):
    path = tmp_path / "half.ckpt"
    trainer = quiet_trainer(max_epochs=1, limit_train_batches=4, enable_checkpointing=True, default_root_dir=tmp_path)
    trainer.fit(recognizer(), datamodule=faces())
    trainer.save_checkpoint(path)
    sizes = NoteSizes()
    trainer = quiet_trainer(sizes, max_epochs=4, limit_train_batches=4)
    trainer.fit(recognizer(), datamodule=faces(), ckpt_path=path, weights_only=True)
    assert sizes.trained == [SMALL] * 4 + [SIZE] * 8


@pytest.mark.parametrize("head", ["flatten", "depthwise"])
def test_a_head_for_one_size_gets_enlarged_maps_and_embeds_as_before_at_its_own(head):
    backbone = ResNet(18, embedding_dim=16, width=4, head=EmbeddingHead(head))
    model = recognizer(backbone).eval()
    images_BCHW = torch.randn(2, 3, *SMALL)
    maps_BCHW = F.interpolate(backbone.features(images_BCHW), backbone.head.feature_size, mode="bilinear")
    torch.testing.assert_close(backbone(images_BCHW), backbone.head(maps_BCHW), rtol=0.0, atol=0.0)
    plain = recognizer(ResNet(18, embedding_dim=16, width=4, head=EmbeddingHead(head)), small=None).eval()
    plain.load_state_dict(model.state_dict())
    pixels_BCHW = torch.randint(0, 256, (2, 3, *SIZE), dtype=torch.uint8)
    torch.testing.assert_close(model.embed(pixels_BCHW), plain.embed(pixels_BCHW), rtol=0.0, atol=0.0)


@pytest.mark.parametrize("size", [(32, 40), (64, 64)])
def test_a_size_that_is_not_smaller_changes_nothing(size):
    sizes = NoteSizes()
    trainer = quiet_trainer(sizes, limit_train_batches=3)
    trainer.fit(recognizer(IResNet(18, 16, width=4), SmallImages(size)), datamodule=faces())
    assert sizes.trained == [SIZE] * 3


def test_a_backbone_that_takes_no_small_images_is_refused_with_the_way_out():
    message = r"model\.small_images\.size=\[4, 4\]: IResNet takes no .*too small.* --model.small_images null"
    with pytest.raises(ValueError, match=message):
        recognizer(IResNet(18, 16, width=4), SmallImages((4, 4)))


@pytest.mark.parametrize(("size", "until"), [((0, 16), 0.5), ((16, 16), 0.0), ((16, 16), 1.0)])
def test_settings_outside_their_range_are_refused(size, until):
    with pytest.raises(ValueError, match="model.small_images"):
        SmallImages(size, until)


def test_a_run_says_it_in_its_settings_and_its_checkpoint_needs_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    settings = ["--model.small_images.size=[64,64]", "--model.small_images.until=0.5", "--model.backbone.width=4"]
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.max_epochs=2", "--checkpoint.candidates_after=0"]
    every = ["--trainer.check_val_every_n_epoch=1", "--trainer.limit_train_batches=2"]
    assert run("fit", *settings, *quiet, *every) == 0
    assert run("test", "--ckpt_path", "runs/orl_resnet18_arcface", "--trainer.enable_progress_bar=false") == 0
    configuration = (tmp_path / "runs/orl_resnet18_arcface/version_0/config.yaml").read_text()
    assert "small_images:\n    size:\n    - 64\n    - 64\n    until: 0.5\n" in configuration
    assert "EER" in capsys.readouterr().out
