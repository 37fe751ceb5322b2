"""Stages and what drops parts of them, each against its definition."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from facerec.backbones import LeNet, ResNet
from facerec.backbones.stages import DropBlock, StochasticDepth


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


@pytest.mark.parametrize("size", [(28, 28), (30, 28), (28, 40), (32, 32)])
def test_lenet_takes_digits_of_28_pixels_in_a_border_and_of_32_as_they_are(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network, images = LeNet(stem="paper").eval(), torch.rand(2, 3, *size)
    height, width = (max(0, 32 - side) // 2 for side in size)
    bordered = functional.pad(images, (width, width, height, height), mode="replicate")
    assert bordered.shape[2:] == tuple(max(32, side) for side in size)
    torch.testing.assert_close(network(images), network(bordered), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("stem", "side", "hint"),
    [
        ("face", 28, "59x59; resize the images, or choose stem='paper', which takes 28x28"),
        ("paper", 27, "28x28; resize"),
    ],
)
def test_lenet_names_the_stem_that_takes_less(stem: str, side: int, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        LeNet(stem=stem)(torch.zeros(1, 3, side, side))  # type: ignore[arg-type]
