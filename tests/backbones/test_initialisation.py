"""Fresh weights, by their statistics, and what they mean for the signal."""

import math

import pytest
import torch
from torch import nn

from facerec import backbones
from facerec.backbones import EmbeddingHead
from facerec.backbones.convnext import ConvNeXtBlock
from facerec.backbones.layers import LayerScale
from facerec.backbones.nfnet import NFBlock, ScaledStdConv2d
from facerec.backbones.stages import ResidualBlock


def large_convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 10_000]


def blocks_of(network: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    blocks = [module for module in network.modules() if isinstance(module, kind)]
    assert blocks
    return blocks


@pytest.mark.parametrize(
    "network",
    [
        backbones.ResNet(18),
        backbones.PlainNet(18),
        backbones.CifarPlainNet(20, width=32),
        backbones.SEResNet(50, width=32),
        backbones.ResNeXt(50, width=32, cardinality=8),
        backbones.DenseNet(121),
        backbones.MobileNetV2(),
        backbones.VGG(11, width=32),
    ],
    ids=lambda network: type(network).__name__,
)
def test_convolutions_are_he_normal_by_fan_out(network: nn.Module) -> None:
    for layer in large_convolutions(network):
        fan_out = layer.out_channels * math.prod(layer.kernel_size) / layer.groups
        assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
        assert abs(layer.weight.mean().item()) < 0.05 * math.sqrt(2 / fan_out)


@pytest.mark.parametrize(
    "network",
    [
        backbones.ResNet(50, width=16),
        backbones.CifarResNet(20),
        backbones.SEResNet(18, width=16),
        backbones.ResNeXt(50, width=16, cardinality=4),
        backbones.ResNeSt(50, width=16),
        backbones.RegNet("Y_200MF"),
    ],
    ids=lambda network: type(network).__name__,
)
def test_fresh_residual_blocks_are_identities(network: nn.Module) -> None:
    """The last normalisation of each branch starts at zero, so the branch adds nothing."""
    for block in blocks_of(network, ResidualBlock):
        norms = [layer for layer in block.branch if isinstance(layer, nn.BatchNorm2d)]
        assert not norms[-1].weight.any()
        assert all(norm.weight.eq(1).all() for norm in norms[:-1])
        channels = next(layer for layer in block.branch if isinstance(layer, nn.Conv2d)).in_channels
        maps = torch.rand(2, channels, 4, 4)
        assert torch.equal(block.eval()(maps), block.act(block.shortcut(maps)))


def test_convnext_is_truncated_normal_with_a_tiny_layer_scale() -> None:
    network = backbones.ConvNeXt("tiny", width=32)
    for layer in [*large_convolutions(network), *blocks_of(network, nn.Linear)]:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
    for block in blocks_of(network, ConvNeXtBlock):
        assert not any(layer.bias.any() for layer in (block.depthwise, block.pointwise[1], block.pointwise[3]))
    assert all(scale.gain.eq(1e-6).all() for scale in blocks_of(network, LayerScale))
    stronger = backbones.ConvNeXt("tiny", width=8, layer_scale=0.1)
    assert all(scale.gain.eq(0.1).all() for scale in blocks_of(stronger, LayerScale))


def test_iresnet_and_spherenet_follow_their_authors_code() -> None:
    for layer in large_convolutions(backbones.IResNet(18, head=EmbeddingHead("pool"))):
        assert layer.weight.std().item() == pytest.approx(0.1, rel=0.05)
    for unit in blocks_of(backbones.SphereNet(20, head=EmbeddingHead("pool")), ResidualBlock):
        assert [layer.weight.std().item() for layer in unit.branch if isinstance(layer, nn.Conv2d)] == pytest.approx(
            [0.01, 0.01], rel=0.05
        )


def test_nfnet_keeps_the_variance_of_its_signal() -> None:
    """What the standardised weights are for (equation 1): variance 1 in, through GELU and a convolution, 1 out."""
    torch.manual_seed(0)
    network = backbones.NFNet("small")
    for block in blocks_of(network, NFBlock):
        assert block.skip_gain.item() == 0
    layer = ScaledStdConv2d(256, 512, 1)
    out = layer(nn.functional.gelu(torch.randn(64, 256, 4, 4)))
    # Each channel for itself: a filter of mean zero takes away the mean of GELU's output.
    assert out.var(dim=(0, 2, 3)).mean().item() == pytest.approx(1.0, rel=0.05)
    # The expected standard deviation within a stage grows by alpha^2 a block, and starts anew at each stage.
    betas = [block.beta**2 for block in blocks_of(network, NFBlock)]
    grown = [1.0, 1.04, 1.04, 1.08, 1.04, 1.08, 1.12, 1.16, 1.20, 1.24, 1.04, 1.08]
    assert betas == pytest.approx(grown)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format], ids=["last", "first"])
def test_gradients_of_standardised_weights_have_the_strides_of_the_weights(memory_format: torch.memory_format) -> None:
    """Else each is copied in every step, and processes that train together warn of it."""
    layer = ScaledStdConv2d(6, 4, 3).to(memory_format=memory_format)
    pointwise = ScaledStdConv2d(4, 4, 1).to(memory_format=memory_format)
    pointwise(layer(torch.randn(2, 6, 5, 5))).square().sum().backward()
    for weight in (layer.weight, pointwise.weight):
        assert weight.grad.stride() == weight.stride()
    other = ScaledStdConv2d(6, 4, 3)  # the filters are the same in both orders
    other.load_state_dict(layer.state_dict())
    images = torch.randn(2, 6, 5, 5)
    torch.testing.assert_close(other(images), layer(images))
