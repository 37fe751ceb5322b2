"""Stages of blocks, as a paper's table has them, with what drops parts of a residual branch while training.

Shapes: B batch, C channels, H height, W width.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.backbones.layers import conv_norm_act, he_initialise
from facerec.settings import require_within

BlockFactory = Callable[[int, int, int, nn.Module], nn.Module]
"""``(in_channels, out_channels, stride, drop)``; ``drop`` is the regulariser of the residual branch."""


class ResidualBlock(nn.Module):
    """``act(drop(branch(x)) + shortcut(x))``: what the residual families have in common."""

    def __init__(self, branch: nn.Sequential, shortcut: nn.Module, drop: nn.Module, act: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.drop = drop
        self.act = act

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Add the residual to the input."""
        branch_BCHW: Tensor = self.drop(self.branch(x_BCHW))
        # In place: no layer that ends a branch needs its output for its gradient, and a new map costs time and memory.
        branch_BCHW += self.shortcut(x_BCHW)
        out_BCHW: Tensor = self.act(branch_BCHW)
        return out_BCHW


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Shortcut of a residual block: a 1x1 projection where the shape changes (He et al. 2016, option B)."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return conv_norm_act(in_channels, out_channels, 1, stride, act=None)


class Stage(NamedTuple):
    """One row of a paper's table: ``depth`` blocks of ``channels``, the first of them with ``stride``."""

    depth: int
    channels: int
    stride: int
    block: BlockFactory


def build_stages(
    in_channels: int, stages: Sequence[Stage], stochastic_depth: float = 0.0, dropblock: float = 0.0
) -> nn.Sequential:
    """Stack the blocks of a table.

    Args:
        in_channels: channels after the stem.
        stages: the rows.
        stochastic_depth: probability of dropping the last residual branch; earlier ones less, in proportion.
        dropblock: share of each branch's map to drop in the last two stages (Ghiasi et al., section 4.1).

    Raises:
        ValueError: for a probability outside [0, 1).
    """
    require_within("backbone.", 0.0, 1.0, high_excluded=True, stochastic_depth=stochastic_depth, dropblock=dropblock)
    total = sum(stage.depth for stage in stages)
    built, modules = 0, []
    for number, stage in enumerate(stages):
        blocks: list[nn.Module] = []
        for position in range(stage.depth):
            drops: list[nn.Module] = []
            if dropblock and number >= len(stages) - 2:
                drops.append(DropBlock(dropblock))
            if stochastic_depth:
                drops.append(StochasticDepth(stochastic_depth * built / max(total - 1, 1)))
            drop = nn.Sequential(*drops) if drops else nn.Identity()
            blocks.append(stage.block(in_channels, stage.channels, stage.stride if position == 0 else 1, drop))
            in_channels, built = stage.channels, built + 1
        modules.append(nn.Sequential(*blocks))
    return nn.Sequential(*modules)


class StochasticDepth(nn.Module):
    """Drops a residual branch, image by image, while training (Huang et al., ECCV 2016, arXiv:1603.09382).

    A kept branch is divided by its survival probability, so that evaluation needs no correction.
    """

    def __init__(self, drop_probability: float) -> None:
        super().__init__()
        require_within(self, 0.0, 1.0, high_excluded=True, drop_probability=drop_probability)
        self.drop_probability = drop_probability

    def forward(self, branch_BCHW: Tensor) -> Tensor:
        """Return the branch, zeroed for a random part of the images while training."""
        if not self.training or self.drop_probability == 0.0:
            return branch_BCHW
        survival = 1.0 - self.drop_probability
        keep_B = torch.empty(len(branch_BCHW), device=branch_BCHW.device).bernoulli_(survival)
        return branch_BCHW * (keep_B / survival).to(branch_BCHW.dtype)[:, None, None, None]


class DropBlock(nn.Module):
    """Drops square regions of a map while training (Ghiasi et al., NeurIPS 2018, arXiv:1810.12890, algorithm 1).

    One mask serves all channels: the paper's other variant, which it found to work less well than one for each. The
    rate of the centres follows equation 1, and the rest is scaled up to keep the mean (line 8).

    Args:
        drop_probability: share of the map to drop.
        block_size: side of a square; maps smaller than it are dropped as a whole or not at all.
    """

    def __init__(self, drop_probability: float, block_size: int = 7) -> None:
        super().__init__()
        require_within(self, 0.0, 1.0, high_excluded=True, drop_probability=drop_probability)
        self.drop_probability = drop_probability
        self.block_size = block_size

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the map with holes; the holes are the same in all channels."""
        if not self.training or self.drop_probability == 0.0:
            return x_BCHW
        height, width = x_BCHW.shape[-2:]
        size = min(self.block_size, height, width)
        valid_h, valid_w = height - size + 1, width - size + 1
        rate = self.drop_probability * height * width / (size**2 * valid_h * valid_w)
        centres = torch.empty(len(x_BCHW), 1, valid_h, valid_w, device=x_BCHW.device).bernoulli_(min(rate, 1.0))
        # Padding by size - 1 and pooling by size turns each centre into a square that lies inside the map.
        keep_B1HW = 1.0 - F.max_pool2d(F.pad(centres, [size - 1] * 4), size, stride=1)
        scale = keep_B1HW.numel() / keep_B1HW.sum().clamp(min=1.0)
        return x_BCHW * (keep_B1HW * scale).to(x_BCHW.dtype)


def zero_last_norm(module: nn.Module) -> None:
    """Let a residual branch start at zero (Goyal et al. 2017, arXiv:1706.02677, section 5.1)."""
    if isinstance(module, ResidualBlock):
        last_norm = [layer for layer in module.branch if isinstance(layer, nn.BatchNorm2d)][-1]
        nn.init.zeros_(last_norm.weight)


def residual_initialise(module: nn.Module) -> None:
    """He-normal convolutions, and residual blocks that start as identities."""
    he_initialise(module)
    zero_last_norm(module)
