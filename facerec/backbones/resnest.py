"""ResNeSt: Split-Attention Networks (Zhang et al., CVPR workshops 2022), https://arxiv.org/abs/2004.08955.

The paper's main setting: radix 2, cardinality 1, width 64 (2s1x64d). The output of the 3x3 convolution is split in two,
and an attention over the splits weighs them per channel (section 3, figure 2). Average pooling halves the maps, after
the splits and in the shortcut. The stem is three 3x3 convolutions. The paper lists both as tweaks.
"""

import torch
from torch import Tensor, nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, conv_norm_act, relu
from facerec.backbones.resnet import residual_stages
from facerec.backbones.stages import ResidualBlock, build_stages, residual_initialise
from facerec.settings import require_choice, require_positive

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
        width: channels of the first stage's bottleneck, doubled in each later stage; a block puts out four
            times as many.
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` is four times smaller, for 224x224.
        stochastic_depth: probability of dropping the last residual branch.
        dropblock: share of the maps to drop in the last two stages.
        head: settings of the embedding head.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = ResNeSt(50, embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 426396)
    """

    def __init__(
        self,
        depth: int = 50,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        dropblock: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, STEM_WIDTHS, depth=depth)
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width)
        inner = max(round(width * STEM_WIDTHS[depth]), 1)
        stem_out = 2 * inner
        rows = residual_stages(depth, width, stem, SplitAttentionBlock)
        super().__init__(
            deep_stem(stem, inner, stem_out),
            build_stages(stem_out, rows, stochastic_depth, dropblock),
            channels=rows[-1].channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=residual_initialise,
        )
