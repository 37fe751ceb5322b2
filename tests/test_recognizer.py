"""The recognizer's own checks, in Python."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch

from facerec.backbones import Backbone, EmbeddingHead, IResNet, ResNet, TimmBackbone
from facerec.losses import Softmax
from facerec.recognizer import FaceRecognizer


def recognizer(backbone: Backbone, image_size: tuple[int, int]) -> FaceRecognizer:
    return FaceRecognizer(backbone, Softmax(), partial(torch.optim.SGD, lr=0.1), num_classes=4, image_size=image_size)


@pytest.mark.parametrize(
    ("make", "takes"),
    [
        (lambda: IResNet(18, 16, width=4), (32, 64)),
        (lambda: ResNet(18, 16, width=4, head=EmbeddingHead("depthwise")), (32, 64)),
        (lambda: TimmBackbone("test_vit", 16), (32, 64)),
        (lambda: ResNet(18, 16, width=4), None),
    ],
)
def test_a_backbone_is_built_for_the_image_size(make, takes):
    model = recognizer(make(), (32, 64)).eval()
    assert model(torch.zeros(2, 3, 50, 50, dtype=torch.uint8)).shape == (2, 16)
    assert model.backbone.image_size == takes


def test_a_backbone_built_for_another_image_size_is_refused_before_the_first_batch():
    backbone = IResNet(18, 16, width=4)
    backbone.build((64, 32))
    message = r"IResNet was built for images of 64x32 and takes no others: set model.image_size to \[64, 32\]"
    with pytest.raises(ValueError, match=message):
        recognizer(backbone, (32, 64))


def test_max_params_counts_the_head_for_the_image_size():
    settings = {"num_classes": 4, "image_size": (64, 64), "max_params": 200_000}
    FaceRecognizer(IResNet(18, 16, width=4), Softmax(), partial(torch.optim.SGD, lr=0.1), **settings)
    with pytest.raises(ValueError, match="max_params=200,000: IResNet has"):
        FaceRecognizer(
            IResNet(18, 16, width=4),
            Softmax(),
            partial(torch.optim.SGD, lr=0.1),
            **settings | {"image_size": (512, 512)},
        )


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
