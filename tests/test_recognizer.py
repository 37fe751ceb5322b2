"""The recognizer's own checks, in Python."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from facerec.backbones import Backbone, IResNet, ResNet, TimmBackbone
from facerec.losses import Softmax
from facerec.recognizer import FaceRecognizer


def recognizer(backbone: Backbone, image_size: tuple[int, int]) -> FaceRecognizer:
    return FaceRecognizer(backbone, Softmax(), partial(torch.optim.SGD, lr=0.1), num_classes=4, image_size=image_size)


@pytest.mark.parametrize(
    ("make", "built_for"),
    [
        (lambda: IResNet(18, 16, width=4), r"\[112, 112\]"),
        (lambda: ResNet(18, 16, width=4, head="depthwise", image_size=(64, 32)), r"\[64, 32\]"),
        (lambda: TimmBackbone("test_vit"), r"\[160, 160\]"),
    ],
)
def test_a_backbone_for_another_image_size_is_refused_before_the_first_batch(make, built_for):
    message = rf"model.image_size=\[32, 64\] but .* model.backbone.init_args.image_size={built_for} and takes no other"
    with pytest.raises(ValueError, match=message):
        recognizer(make(), (32, 64))


@pytest.mark.parametrize(
    "make", [lambda: IResNet(18, 16, width=4, image_size=(32, 64)), lambda: ResNet(18, 16, width=4)]
)
def test_a_backbone_for_this_size_or_for_any_embeds(make):
    model = recognizer(make(), (32, 64)).eval()
    assert model(torch.zeros(2, 3, 50, 50, dtype=torch.uint8)).shape == (2, 16)


THRESHOLD = {"threshold": 0.4, "far": 0.1, "frr": 0.1, "method": "eer", "score": "cosine"}


def kept_threshold(model: FaceRecognizer, step: int) -> object:
    """What a checkpoint at this step of the training says."""
    checkpoint: dict = {"global_step": step}
    model.on_save_checkpoint(checkpoint)
    return checkpoint["facerec"]["calibration"]


@pytest.mark.parametrize(("doing", "later"), [("fit", None), ("test", THRESHOLD)])
def test_a_threshold_is_kept_with_the_weights_it_was_measured_on(doing, later):
    """A resumed training keeps what it loaded until it takes a step; an evaluation takes none, whatever it counts."""
    model = recognizer(ResNet(18, 16, width=4), (32, 64))
    assert kept_threshold(model, 7) is None
    model._trainer = SimpleNamespace(state=SimpleNamespace(fn=doing))
    model.on_load_checkpoint({"global_step": 7, "facerec": {"calibration": THRESHOLD}})
    assert kept_threshold(model, 7) == THRESHOLD
    assert kept_threshold(model, 8) == later
