"""Grad-CAM where the answer is known, and against gradients that are taken apart by hand."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from facerec.backbones import Backbone, ResNet, TimmBackbone
from facerec.losses import Triplet
from facerec.plots.look.grad_cam import score_heat
from facerec.recognizer import FaceRecognizer


class MeanColours(Backbone):
    """Its only stage is the image at half its size, and its embedding is the mean of each colour."""

    embedding_dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.halves = nn.AvgPool2d(2)
        self.head = nn.Conv2d(1, 1, 1)  # a name alone

    def forward(self, images_BCHW):
        return self.halves(images_BCHW).mean((2, 3))


def by_hand(first, second):
    """Equations 1 and 2 in float64: the gradient of the cosine by the mean colours is the same at every place."""
    first, second = (
        np.asarray(image, dtype=np.float64).reshape(3, 4, 2, 4, 2).mean((2, 4)) for image in (first, second)
    )
    a, b = first.mean((1, 2)), second.mean((1, 2))
    la, lb = np.linalg.norm(a), np.linalg.norm(b)
    weights = (b / lb - (a @ b) / (la * lb) * a / la) / la / first[0].size
    return np.maximum(0.0, np.einsum("c,chw->hw", weights, first))


def test_the_heat_of_known_gradients_is_that_of_the_equations():
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    backbone = MeanColours().eval()
    found = score_heat(backbone, backbone, images)
    assert found.stage == "halves"
    for heat, first, second in zip(found.heat, images, images.flip(0), strict=True):
        np.testing.assert_allclose(heat, by_hand(first, second), rtol=1e-4, atol=1e-8)
    assert found.heat.max() > 0


def test_the_region_that_a_pair_shares_carries_its_score():
    images = torch.zeros(2, 3, 8, 8)
    images[0, 0, :, :4] = 1.0  # red at the left
    images[0, 2, :, 4:] = 1.0  # blue at the right
    images[1, 0] = 1.0  # red
    heat = score_heat(MeanColours().eval(), MeanColours(), images)
    assert heat is None, "another network than the one that is watched embeds"
    backbone = MeanColours().eval()
    heat = score_heat(backbone, backbone, images).heat[0]
    assert (heat[:, :2] > 0).all()
    assert (heat[:, 2:] == 0).all()


@pytest.mark.parametrize("flip_test", [False, "sum", "concatenate"])
def test_a_networks_heat_is_that_of_its_head_alone(flip_test):
    torch.manual_seed(0)
    recognizer = FaceRecognizer(
        ResNet(18, embedding_dim=8, width=4), Triplet(), torch.optim.SGD, image_size=(64, 48), flip_test=flip_test
    ).eval()
    recognizer.backbone.requires_grad_(False)
    images = torch.randint(256, (2, 3, 64, 48), dtype=torch.uint8)
    found = score_heat(recognizer.backbone, recognizer.embed, images)
    assert (found.stage, found.heat.shape) == ("stage4", (2, 4, 3))

    backbone = recognizer.backbone
    views = [images, images.flip(-1)] if flip_test else [images]
    maps = [backbone.features(recognizer.preprocess(view)).detach().requires_grad_() for view in views]
    embeddings = [backbone.head(one) for one in maps]
    if flip_test == "sum":
        first, second = embeddings
        lengths = (first.norm(dim=1, keepdim=True), second.norm(dim=1, keepdim=True))
        embeddings = [first / lengths[0] + second / lengths[1]]
    vectors = torch.cat(embeddings, dim=1)
    gradients = torch.autograd.grad((F.normalize(vectors)[0] * F.normalize(vectors)[1]).sum(), maps)
    expected = torch.zeros(2, 4, 3)
    for place, (one, gradient) in enumerate(zip(maps, gradients, strict=True)):
        for image in range(2):
            heat = sum(gradient[image, channel].mean() * one[image, channel].detach() for channel in range(32))
            expected[image] += (heat.flip(-1) if place else heat).clamp(min=0)
    torch.testing.assert_close(found.heat, expected, rtol=1e-3, atol=1e-6)


def test_a_network_without_maps_has_no_heat():
    backbone = TimmBackbone("test_vit", embedding_dim=8).eval()
    assert score_heat(backbone, backbone, torch.rand(2, 3, 160, 160)) is None
