"""Weights of other libraries under our names: the same embeddings and features as theirs."""

from functools import partial
from typing import NamedTuple

import pytest
import timm
import torch
import torchvision
from torch import nn

from facerec import backbones
from facerec.backbones import StagedBackbone
from facerec.backbones.foreign_names import KNOWN, translate
from tests.backbones.insightface import TheirIResNet
from tests.backbones.test_parity import randomise, relative_error


def trained_like(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    randomise(network)
    return network.eval().double()


@pytest.mark.parametrize(("depth", "blocks"), [(18, (2, 2, 2, 2)), (34, (3, 4, 6, 3)), (50, (3, 4, 14, 3))])
@torch.no_grad()
def test_insightfaces_weights_give_insightfaces_embeddings(depth: int, blocks: tuple[int, ...]) -> None:
    theirs = trained_like(TheirIResNet(blocks))
    ours = backbones.IResNet(depth, embedding_dim=16, width=8).eval().double()
    weights, left_out, names = translate(ours, theirs.state_dict())
    assert (names.library, left_out) == ("insightface", [])
    ours.load_state_dict(weights)  # strict: each of ours has one
    images = torch.randn(2, 3, 112, 112, dtype=torch.float64)
    assert relative_error(ours(images), theirs(images)) < 1e-9


class Pair(NamedTuple):
    ours: partial[StagedBackbone]
    theirs: partial[nn.Module]
    classifier: str = "fc"


PAIRS = {
    "ResNet": Pair(partial(backbones.ResNet, 18, stem="paper"), partial(timm.create_model, "resnet18")),
    "ResNet bottleneck": Pair(partial(backbones.ResNet, 50, stem="paper"), partial(timm.create_model, "resnet50")),
    "ResNeXt": Pair(partial(backbones.ResNeXt, 50, stem="paper"), partial(timm.create_model, "resnext50_32x4d")),
    "SEResNet": Pair(partial(backbones.SEResNet, 50, stem="paper"), partial(timm.create_model, "seresnet50")),
    "RegNet X": Pair(
        partial(backbones.RegNet, "X_200MF", stem="paper"), partial(timm.create_model, "regnetx_002"), "head.fc"
    ),
    "RegNet Y": Pair(
        partial(backbones.RegNet, "Y_200MF", stem="paper"), partial(timm.create_model, "regnety_002"), "head.fc"
    ),
    "MobileNetV2": Pair(
        partial(backbones.MobileNetV2, 0.35, stem="paper"), partial(timm.create_model, "mobilenetv2_035"), "classifier"
    ),
    "EfficientNet": Pair(
        partial(backbones.EfficientNet, "B1", stem="paper"), partial(timm.create_model, "efficientnet_b1"), "classifier"
    ),
    "ConvNeXt": Pair(
        partial(backbones.ConvNeXt, "tiny", width=8, stem="paper"),
        partial(timm.create_model, "convnext_tiny", dims=(8, 16, 32, 64)),
        "head.fc",
    ),
}


def test_each_architecture_with_a_table_is_here() -> None:
    assert {pair.ours.func for pair in PAIRS.values()} | {backbones.IResNet} == KNOWN.keys()


@pytest.mark.parametrize("name", PAIRS)
@torch.no_grad()
def test_timms_weights_give_timms_features(name: str) -> None:
    theirs, ours = (
        trained_like(PAIRS[name].theirs()),
        PAIRS[name].ours().eval().double(),
    )
    weights, left_out, names = translate(ours, theirs.state_dict())
    assert names.library == "timm"
    assert left_out == [f"{PAIRS[name].classifier}.weight", f"{PAIRS[name].classifier}.bias"]
    assert {
        place for place in ours.state_dict() if not place.startswith(("head.linear", "head.norm"))
    } == weights.keys()
    ours.load_state_dict(weights, strict=False)
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    features = ours.head.feature_norm(ours.head.reduce(ours.features(images)).flatten(1))
    assert relative_error(features, theirs.forward_head(theirs.forward_features(images), pre_logits=True)) < 1e-9


@torch.no_grad()
def test_torchvisions_residual_networks_have_timms_names() -> None:
    theirs, ours = trained_like(torchvision.models.resnet18()), backbones.ResNet(18, stem="paper").eval().double()
    ours.load_state_dict(translate(ours, theirs.state_dict()).weights, strict=False)
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    theirs.fc = nn.Identity()
    assert relative_error(ours.head.reduce(ours.features(images)).flatten(1), theirs(images)) < 1e-9


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_a_network_of_timm_itself_takes_all_but_the_classifier(name: str) -> None:
    theirs, ours = timm.create_model(name), backbones.TimmBackbone(name, embedding_dim=8)
    weights, left_out, _ = translate(ours, theirs.state_dict())
    assert weights.keys() == {place for place in ours.state_dict() if place.startswith("network.")}
    classifier = theirs.pretrained_cfg["classifier"]
    assert left_out == [f"{classifier}.weight", f"{classifier}.bias"]


def test_pixels_are_those_that_the_library_trains_on() -> None:
    ours = backbones.IResNet(18, embedding_dim=16, width=8)
    names = translate(ours, TheirIResNet().state_dict()).names
    assert (names.image_mean, names.image_std) == (0.5, 0.5)  # (x - 127.5) / 127.5
    own = backbones.TimmBackbone("resnet18", embedding_dim=8)
    published = translate(own, own.network.state_dict()).names
    assert (published.image_mean, published.image_std) == (0.449, 0.226)
    assert published[3:] == KNOWN[backbones.ResNet][0][3:]


def test_another_stem_keeps_its_own_first_layer_and_says_its_shape() -> None:
    ours = backbones.ResNet(18, stem="face")
    weights = translate(ours, timm.create_model("resnet18").state_dict()).weights
    own = ours.state_dict()
    assert [name for name, weight in weights.items() if weight.shape != own[name].shape] == ["stem.0.weight"]


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        (lambda: backbones.ResNet(18), TheirIResNet, r"ResNet, with these settings, in timm: they hold prelu.weight"),
        (
            lambda: backbones.IResNet(34, width=8),
            TheirIResNet,
            r"they have nothing for its stages.0.2.branch.0.bias and",
        ),
        (
            lambda: backbones.IResNet(18, width=8),
            lambda: TheirIResNet((3, 4, 6, 3)),
            r"in insightface: they hold layer1.2.bn1.weight and .* others. Give the architecture, and the depth",
        ),
        (lambda: backbones.ResNet(50), lambda: timm.create_model("resnet18"), r"they have nothing for its stages"),
        (
            lambda: backbones.SEResNet(50),
            lambda: timm.create_model("resnet50"),
            r"they have nothing for its stages.0.0.branch.8.excite.bias",
        ),
        (lambda: backbones.LeNet(), lambda: nn.Linear(3, 3), r"for LeNet it knows no names .* IResNet, and timm's for"),
    ],
)
def test_weights_of_another_architecture_are_refused(ours, theirs, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        translate(ours(), theirs().state_dict())
