"""ResNeSt: Split-Attention Networks (Zhang et al., CVPR workshops 2022), https://arxiv.org/abs/2004.08955.

The paper's main setting: radix 2, cardinality 1, width 64 (2s1x64d). The 3x3 convolution makes two splits of its
output, and an attention over the splits weighs them per channel (section 3, figure 2). Downsampling is by average
pooling, after the splits and in the shortcut, and the stem is three 3x3 convolutions: the tweaks that the paper lists.
"""

import torch
from torch import Tensor, nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import (
    Head,
    ResidualBlock,
    Stem,
    build_stages,
    choose,
    choose_stem,
    conv_norm_act,
    relu,
    require_positive,
    residual_initialise,
)
from facerec.backbones.resnet import residual_stages

RADIX = 2
STEM_WIDTHS = {50: 0.5, 101: 1.0}
"""Inner channels of the deep stem, as a share of ``width``."""


class SplitAttention(nn.Module):
    """3x3 convolution into two splits, and their sum weighted by a softmax over the splits (figure 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels * RADIX // 4, 32)
        self.conv = conv_norm_act(channels, channels * RADIX, 3, groups=RADIX)
        self.squeeze = nn.Linear(channels, inner)
        self.norm = nn.BatchNorm1d(inner)
        self.act = relu()
        self.excite = nn.Linear(inner, channels * RADIX)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the weighted sum of the splits, of the input's shape."""
        first_BCHW, second_BCHW = self.conv(x_BCHW).chunk(RADIX, dim=1)
        summary_BC = (first_BCHW + second_BCHW).mean((2, 3))
        logits_BS = self.excite(self.act(self.norm(self.squeeze(summary_BC))))
        first_BC, second_BC = logits_BS.chunk(RADIX, dim=1)
        # A softmax over two is a sigmoid of the difference: half the work, and it stays a plain gate.
        gate_BC11 = torch.sigmoid(first_BC - second_BC)[:, :, None, None]
        out_BCHW: Tensor = second_BCHW + gate_BC11 * (first_BCHW - second_BCHW)
        return out_BCHW


class SplitAttentionBlock(ResidualBlock):
    """ResNet's bottleneck around a split attention, with average pooling where it halves the map."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, drop: nn.Module) -> None:
        inner = out_channels // 4
        branch = nn.Sequential(*conv_norm_act(in_channels, inner, 1), SplitAttention(inner))
        if stride > 1:
            branch.append(nn.AvgPool2d(3, stride, padding=1))
        branch.extend(conv_norm_act(inner, out_channels, 1, act=None))
        shortcut: nn.Module = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            pooling = [nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)] if stride > 1 else []
            shortcut = nn.Sequential(*pooling, *conv_norm_act(in_channels, out_channels, 1, act=None))
        super().__init__(branch, shortcut, drop, relu())


def deep_stem(stem: Stem, inner: int, width: int) -> nn.Sequential:
    """Three 3x3 convolutions; the paper's first has stride 2 and a max pooling follows the last."""
    choose_stem(stem)
    convolutions = [
        *conv_norm_act(3, inner, 3, 2 if stem == "paper" else 1),
        *conv_norm_act(inner, inner, 3),
        *conv_norm_act(inner, width, 3),
    ]
    return nn.Sequential(*convolutions, *([nn.MaxPool2d(3, 2, 1)] if stem == "paper" else []))


class ResNeSt(StagedBackbone):
    """Split-attention network of 50 or 101 layers.

    Args:
        depth: number of layers.
        embedding_dim: length D of an embedding.
        width: channels of the first stage's bottleneck; the blocks put out four times it, doubled from stage to stage.
        stem: ``face`` keeps the resolution of 112x112 images, ``paper`` is four times smaller (made for 224x224).
        dropout: probability of dropping a feature before the embedding layer.
        stochastic_depth: probability of dropping the last residual branch; earlier ones less, in proportion.
        dropblock: share of the maps to drop, in squares, in the branches of the last two stages.
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a depth that is not in the table, a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        depth: int = 50,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        dropblock: float = 0.0,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        choose(STEM_WIDTHS, depth, "ResNeSt depth")
        require_positive("ResNeSt", width=width)
        inner = max(round(width * STEM_WIDTHS[depth]), 1)
        stem_out = 2 * inner
        rows = residual_stages(depth, width, stem, SplitAttentionBlock)
        super().__init__(
            deep_stem(stem, inner, stem_out),
            build_stages(stem_out, rows, stochastic_depth, dropblock),
            channels=rows[-1].channels,
            smallest_input=32 if stem == "paper" else 16,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(residual_initialise)
