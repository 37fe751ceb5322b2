"""Parameters and multiply-adds equal the published ones; built on the meta device, so that nothing is computed."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torchvision
from torch import nn

from facerec import backbones
from facerec.backbones.catalogue import CATALOGUE
from facerec.backbones.cost import check_max_params, count_parameters, images_per_second, multiply_adds

# Published numbers that come with torchvision's weights (`num_params`), for the classifier of 1000 classes.
TORCHVISION = {
    "alexnet": "alexnet",
    **{f"vgg{depth}": f"vgg{depth}_bn" for depth in (11, 13, 16, 19)},
    **{f"resnet{depth}": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    "resnext50": "resnext50_32x4d",
    **{f"densenet{depth}": f"densenet{depth}" for depth in (121, 169, 201)},
    "regnet_y_400mf": "regnet_y_400mf",
    "regnet_x_1.6gf": "regnet_x_1_6gf",
    "regnet_y_1.6gf": "regnet_y_1_6gf",
    "regnet_x_3.2gf": "regnet_x_3_2gf",
    "regnet_y_3.2gf": "regnet_y_3_2gf",
    "mobilenet_v2": "mobilenet_v2",
    **{f"efficientnet_b{n}": f"efficientnet_b{n}" for n in range(4)},
    "convnext_tiny": "convnext_tiny",
    "convnext_small": "convnext_small",
}
# Millions, as printed in the papers, of networks that torchvision lacks or rounds in another way.
PAPERS = {
    "regnet_x_200mf": 2.7,
    "regnet_x_400mf": 5.2,
    "regnet_x_600mf": 6.2,
    "regnet_x_800mf": 7.3,
    "regnet_y_200mf": 3.2,
    "regnet_y_600mf": 6.1,
    "resnest50": 27.5,
    "resnest101": 48.3,
    "mobilenet_v1": 4.2,
    "seresnet50": 28.1,
    "nfnet_f0": 71.5,
    "resnext101": 44.2,
}
# One hidden stack of 4096 in AlexNet and VGG, a linear layer elsewhere.
CLASSIFIER = {"alexnet": 58_631_144, **dict.fromkeys((f"vgg{depth}" for depth in (11, 13, 16, 19)), 123_642_856)}


def on_meta(make: Callable[..., backbones.Backbone], **settings) -> backbones.Backbone:
    with torch.device("meta"):
        return make(**settings)


def with_classifier(name: str) -> int:
    """Parameters with the paper's classifier of 1000 classes in place of the embedding head."""
    backbone = on_meta(CATALOGUE[name], stem="paper")
    channels = backbone.head.linear.in_features
    classifier = CLASSIFIER.get(name, 1000 * channels + 1000)
    final_norm = count_parameters(backbone.head.feature_norm)  # ConvNeXt has one after the pooling
    return count_parameters(backbone) - count_parameters(backbone.head) + final_norm + classifier


@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_equal_those_of_torchvision(name: str) -> None:
    published = torchvision.models.get_model_weights(TORCHVISION[name]).DEFAULT.meta
    assert with_classifier(name) == published["num_params"]


@pytest.mark.parametrize("name", PAPERS)
def test_parameters_equal_the_papers(name: str) -> None:
    assert with_classifier(name) / 1e6 == pytest.approx(PAPERS[name], abs=0.051)


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "resnext50", "densenet121", "regnet_y_400mf", "convnext_tiny"]
)
def test_multiply_adds_equal_those_of_torchvision(name: str) -> None:
    published = torchvision.models.get_model_weights(TORCHVISION[name]).DEFAULT.meta["_ops"]
    assert multiply_adds(on_meta(CATALOGUE[name], stem="paper"), (224, 224)) / 1e9 == pytest.approx(published, abs=2e-3)


@pytest.mark.parametrize(
    ("depth", "parameters", "giga"),
    [(18, 24_025_600, 2.6), (34, 34_139_328, 4.5), (50, 43_590_848, 6.3), (100, 65_156_160, 12.1)],
)
def test_iresnet_equals_insightface(depth: int, parameters: int, giga: float) -> None:
    """The numbers of insightface's model zoo; its last linear layer has 512 biases that the normalisation undoes."""
    backbone = on_meta(backbones.IResNet, depth=depth)
    assert count_parameters(backbone) + 512 == parameters
    assert multiply_adds(backbone) / 1e9 == pytest.approx(giga, abs=0.05)


def test_mobilefacenet_equals_the_paper() -> None:
    """Abstract and table 2: 0.99 million parameters, 221 million multiply-adds (without the slopes of PReLU)."""
    backbone = on_meta(backbones.MobileFaceNet)
    slopes = sum(count_parameters(module) for module in backbone.modules() if isinstance(module, nn.PReLU))
    assert (count_parameters(backbone) - slopes) / 1e6 == pytest.approx(0.99, abs=0.01)
    assert multiply_adds(backbone) / 1e6 == pytest.approx(221, abs=0.5)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("depth", [4, 10, 20, 36, 64])
def test_spherenet_equals_table_2(depth: int, batch_norm: bool) -> None:
    """Every convolution of the paper's table 2, written out: 3x3, a bias and a slope; then the 512-d layer on 7x6."""
    units = {4: (0, 0, 0, 0), 10: (0, 1, 2, 0), 20: (1, 2, 4, 1), 36: (2, 4, 8, 2), 64: (3, 8, 16, 3)}[depth]
    shapes, channels = [], 3
    for wide, count in zip((64, 128, 256, 512), units, strict=True):
        shapes += [(channels, wide)] + [(wide, wide)] * (2 * count)
        channels = wide
    assert len(shapes) == depth
    per_channel = 4 if batch_norm else 2
    convolutions = sum(9 * narrow * wide + per_channel * wide for narrow, wide in shapes)
    embedding = 512 * 7 * 6 * 512 + (2 * 512 if batch_norm else 512)
    backbone = on_meta(backbones.SphereNet, depth=depth, batch_norm=batch_norm)
    backbone.build((112, 96))
    assert count_parameters(backbone) == convolutions + embedding


def test_lenet_equals_figure_2() -> None:
    """LeNet-5's layers on three input channels; F6 is the embedding (84), here with a normalisation and no bias."""
    c1, c3, c5, f6 = 6 * (75 + 1), 16 * (150 + 1), 120 * (400 + 1), 84 * 120 + 2 * 84
    assert count_parameters(on_meta(backbones.LeNet)) == c1 + c3 + c5 + f6


def test_plain_networks_are_resnets_without_projections() -> None:
    for depth in (18, 34):
        projections = sum(2**n * 64 * 2 ** (n + 1) * 64 + 2 * 2 ** (n + 1) * 64 for n in range(3))
        assert with_classifier(f"plainnet{depth}") == with_classifier(f"resnet{depth}") - projections


@pytest.mark.parametrize(("depth", "millions"), [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.7")])
def test_cifar_networks_equal_table_6(depth: int, millions: str) -> None:
    """As printed, with the classifier of 10 classes. Shortcuts have no parameters, so the plain network has as many."""
    convolutions = (depth - 2) // 3
    for family in (backbones.CifarResNet, backbones.CifarPlainNet):
        backbone = on_meta(family, depth=depth)
        layers = sum(isinstance(module, nn.Conv2d) for module in backbone.modules())
        assert layers == 3 * convolutions + 1 == depth - 1  # the classifier is the last layer
        parameters = count_parameters(backbone) - count_parameters(backbone.head) + 64 * 10 + 10
        decimals = len(millions.partition(".")[2])
        assert f"{parameters / 1e6:.{decimals}f}" == millions


def test_counts_of_a_network_by_hand() -> None:
    backbone = backbones.LeNet(embedding_dim=10, stem="paper")
    macs = 28 * 28 * 6 * 75 + 10 * 10 * 16 * 150 + 1 * 120 * 400 + 120 * 10
    assert multiply_adds(backbone, (32, 32)) == macs
    assert backbone.training
    assert images_per_second(backbone, torch.zeros(2, 3, 32, 32), seconds=0.01) > 0


def test_max_params_refuses_and_says_by_how_much() -> None:
    backbone = on_meta(partial(backbones.ResNet, depth=50))
    check_max_params(backbone, None)
    check_max_params(backbone, 30_000_000)
    with pytest.raises(ValueError, match=r"max_params=20,000,000: ResNet has 24,\d+,\d+ parameters"):
        check_max_params(backbone, 20_000_000)


def test_measuring_leaves_each_part_in_its_mode() -> None:
    backbone = backbones.LeNet()
    backbone.stages.eval()
    multiply_adds(backbone)
    assert backbone.training
    assert not backbone.stages.training
