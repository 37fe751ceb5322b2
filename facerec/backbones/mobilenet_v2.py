"""MobileNetV2: Inverted Residuals and Linear Bottlenecks (Sandler et al., CVPR 2018), https://arxiv.org/abs/1801.04381.

Table 2: blocks that expand, filter each channel and project back without an activation (table 1, figure 4).
"""

from functools import partial

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import (
    STEMS,
    Activation,
    SmallestInput,
    SqueezeExcite,
    Stem,
    conv_norm_act,
    he_initialise,
    relu6,
    round_channels,
)
from facerec.backbones.stages import ResidualBlock, Stage, build_stages
from facerec.settings import require_choice, require_positive

ROWS = ((1, 1, 16, 1), (6, 2, 24, 2), (6, 3, 32, 2), (6, 4, 64, 2), (6, 3, 96, 1), (6, 3, 160, 2), (6, 1, 320, 1))
"""Expansion t, blocks n, channels c and stride s of table 2."""
LAST_CHANNELS = 1280


def inverted_residual(
    in_channels: int,
    out_channels: int,
    stride: int,
    drop: nn.Module,
    *,
    expansion: int,
    kernel_size: int = 3,
    act: Activation = relu6,
    squeeze_excite: bool = False,
) -> nn.Module:
    """1x1 up, depthwise, optional channel attention, 1x1 down; a shortcut where the shape stays.

    MobileNetV2's block, and with other settings those of EfficientNet (MBConv) and MobileFaceNet.
    """
    inner = in_channels * expansion
    branch = nn.Sequential()
    if expansion != 1:
        branch.extend(conv_norm_act(in_channels, inner, 1, act=act))
    branch.extend(conv_norm_act(inner, inner, kernel_size, stride, groups=inner, act=act))
    if squeeze_excite:
        branch.append(SqueezeExcite(inner, max(in_channels // 4, 1), act))
    branch.extend(conv_norm_act(inner, out_channels, 1, act=None))
    if stride == 1 and in_channels == out_channels:
        return ResidualBlock(branch, nn.Identity(), drop, nn.Identity())
    return branch


class MobileNetV2(StagedBackbone):
    """MobileNet, version 2.

    Args:
        width_multiplier: thins every layer; the last 1x1 convolution keeps at least 1280 channels (section 4).
        embedding_dim: length D of an embedding.
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` halves it, for 224x224.
        stochastic_depth: probability of dropping the last residual branch.
        head: settings of the embedding head.

    Raises:
        ValueError: for a setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = MobileNetV2(0.35, embedding_dim=16)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 416640)
    """

    def __init__(
        self,
        width_multiplier: float = 1.0,
        embedding_dim: int = 512,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_positive(self, width_multiplier=width_multiplier)
        require_choice(self, STEMS, stem=stem)
        width = round_channels(32 * width_multiplier)
        rows = [
            Stage(n, round_channels(c * width_multiplier), s, partial(inverted_residual, expansion=t))
            for t, n, c, s in ROWS
        ]
        last = round_channels(LAST_CHANNELS * max(width_multiplier, 1.0))
        stages = build_stages(width, rows, stochastic_depth)
        stages.append(conv_norm_act(rows[-1].channels, last, 1, act=relu6))
        super().__init__(
            conv_norm_act(3, width, 3, 2 if stem == "paper" else 1, act=relu6),
            stages,
            channels=last,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
