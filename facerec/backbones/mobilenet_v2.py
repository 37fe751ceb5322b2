"""MobileNetV2: Inverted Residuals and Linear Bottlenecks (Sandler et al., CVPR 2018), https://arxiv.org/abs/1801.04381.

Table 2: blocks that expand, filter each channel and project back without an activation (table 1, figure 4).
"""

from functools import partial

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import (
    Activation,
    Head,
    ResidualBlock,
    SqueezeExcite,
    Stage,
    Stem,
    build_stages,
    choose_stem,
    conv_norm_act,
    he_initialise,
    relu6,
    require_positive,
    round_channels,
)

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
        width_multiplier: thins every layer; the last 1x1 convolution never goes below 1280 channels (section 4).
        embedding_dim: length D of an embedding.
        stem: ``face`` keeps the resolution of 112x112 images, ``paper`` halves it (made for 224x224).
        dropout: probability of dropping a feature before the embedding layer.
        stochastic_depth: probability of dropping the last residual branch; earlier ones less, in proportion.
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a size that is not above 0, or a probability outside [0, 1).
    """

    def __init__(
        self,
        width_multiplier: float = 1.0,
        embedding_dim: int = 512,
        stem: Stem = "face",
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        require_positive("MobileNetV2", width_multiplier=width_multiplier)
        choose_stem(stem)
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
            smallest_input=32 if stem == "paper" else 16,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(he_initialise)
