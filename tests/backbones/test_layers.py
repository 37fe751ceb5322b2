"""The shared pieces, each against its definition."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from facerec.backbones import ResNet
from facerec.backbones.layers import (
    DropBlock,
    EmbeddingHead,
    LayerNorm2d,
    LayerScale,
    SqueezeExcite,
    StochasticDepth,
    round_channels,
)


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer, branch = StochasticDepth(0.3), torch.ones(4000, 2, 1, 1)
    out = layer(branch)
    assert out.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert torch.equal(out[:, 0], out[:, 1])
    assert out.mean().item() == pytest.approx(1.0, abs=0.05)
    assert layer.eval()(branch) is branch


def test_stochastic_depth_rises_linearly_over_the_blocks() -> None:
    network = ResNet(18, width=4, stochastic_depth=0.35)
    rates = [module.drop_probability for module in network.modules() if isinstance(module, StochasticDepth)]
    assert rates == pytest.approx([0.35 * block / 7 for block in range(8)])


@pytest.mark.parametrize(("size", "block"), [(14, 7), (14, 3), (5, 7)])
def test_dropblock_drops_squares_and_keeps_the_mean(size: int, block: int) -> None:
    torch.manual_seed(0)
    layer, maps = DropBlock(0.2, block), torch.ones(3000, 2, size, size)
    out = layer(maps)
    dropped = (out[:, 0] == 0).float()
    # Overlapping squares drop a little less than the wish; the paper accepts that (its footnote to equation 1).
    assert 0.14 < dropped.mean().item() < 0.21
    assert torch.equal(out[:, 0], out[:, 1])
    assert out.mean().item() == pytest.approx(1.0, abs=1e-3)
    # Every hole contains a whole square: opening the holes with the square changes nothing.
    side = min(block, size)
    eroded = -nn.functional.max_pool2d(-dropped[:, None], side, 1)
    opened = nn.functional.max_pool2d(nn.functional.pad(eroded, [side - 1] * 4), side, 1)
    assert torch.equal(opened[:, 0], dropped)
    assert layer.eval()(maps) is maps


def test_dropblock_acts_in_the_last_two_stages_only() -> None:
    network = ResNet(18, width=4, dropblock=0.1)
    stages = [any(isinstance(module, DropBlock) for module in stage.modules()) for stage in network.stages]
    assert stages == [False, False, True, True]


def test_squeeze_excite_is_the_formula_of_the_paper() -> None:
    torch.manual_seed(0)
    layer, maps = SqueezeExcite(8, 2), torch.randn(3, 8, 5, 5)
    for image, out in zip(maps, layer(maps), strict=True):
        z = torch.stack([channel.sum() / 25 for channel in image])
        hidden = (layer.squeeze.weight @ z + layer.squeeze.bias).clamp(min=0)
        gate = 1 / (1 + torch.exp(-(layer.excite.weight @ hidden + layer.excite.bias)))
        torch.testing.assert_close(out, torch.stack([c * g for c, g in zip(image, gate, strict=True)]))


def test_layer_norm_and_layer_scale_work_per_position() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 6, 3, 3)
    out = LayerNorm2d(6)(maps)
    torch.testing.assert_close(out.mean(1), torch.zeros(2, 3, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(out.var(1, unbiased=False), torch.ones(2, 3, 3), atol=1e-3, rtol=0)
    torch.testing.assert_close(LayerScale(6, 0.5)(maps.permute(0, 2, 3, 1)), maps.permute(0, 2, 3, 1) / 2)


@given(st.floats(min_value=0.5, max_value=4096))
def test_round_channels_gives_a_near_multiple_of_eight(channels: float) -> None:
    rounded = round_channels(channels)
    assert rounded % 8 == 0
    assert rounded >= max(8, 0.9 * channels)
    assert rounded <= max(8, channels + 8)


@pytest.mark.parametrize("head", ["pool", "flatten", "depthwise"])
def test_heads_reduce_as_they_say(head: str) -> None:
    torch.manual_seed(0)
    layer, maps = EmbeddingHead(head, 4, (3, 2), 5).eval(), torch.randn(2, 4, 3, 2)
    features = {
        "pool": lambda: maps.mean((2, 3)),
        "flatten": lambda: maps.reshape(2, 24),
        "depthwise": lambda: layer.reduce[1]((maps * layer.reduce[0].weight[:, 0]).sum((2, 3), keepdim=True)).flatten(
            1
        ),
    }[head]()
    torch.testing.assert_close(layer(maps), layer.norm(features @ layer.linear.weight.T))


def test_fixed_heads_name_the_size_they_were_built_for() -> None:
    with pytest.raises(ValueError, match=r"feature maps of 7x7 and got 6x7: set image_size"):
        EmbeddingHead("flatten", 4, (7, 7), 5)(torch.zeros(1, 4, 6, 7))
    with pytest.raises(ValueError, match=r"head='max': choose one of pool, flatten, depthwise"):
        EmbeddingHead("max", 4, (7, 7), 5)
    with pytest.raises(ValueError, match=r"dropout=1.0: a probability in \[0, 1\)"):
        EmbeddingHead("pool", 4, (7, 7), 5, dropout=1.0)
