"""A ConvNet for the 2020s (Liu et al., CVPR 2022), https://arxiv.org/abs/2201.03545.

Figure 4 and table 9: 7x7 depthwise, layer normalisation, 1x1 to four times the channels, GELU, 1x1 back, layer scale.
Stages begin with a layer normalisation and a 2x2 convolution of stride 2. Weights are truncated normal with standard
deviation 0.02, layer scale starts at 1e-6 (appendix A.1 and table 5). Train it with AdamW, on normalised images.
"""

from functools import partial

from torch import Tensor, nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, LayerNorm2d, LayerScale, SmallestInput, Stem
from facerec.backbones.stages import Stage, build_stages
from facerec.settings import require_choice, require_positive

VARIANTS = {"tiny": (3, 3, 9, 3), "small": (3, 3, 27, 3)}
EPS = 1e-6


class ConvNeXtBlock(nn.Module):
    """The block of figure 4; everything after the depthwise convolution works on (B, H, W, C)."""

    def __init__(self, channels: int, drop: nn.Module, layer_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.pointwise = nn.Sequential(
            nn.LayerNorm(channels, eps=EPS),
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
            LayerScale(channels, layer_scale),
        )
        self.drop = drop

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Add the residual to the input."""
        out_BHWC: Tensor = self.drop(self.pointwise(self.depthwise(x_BCHW).permute(0, 2, 3, 1)))
        # In place is one map less; of a permuted view autograd would copy the gradient.
        out_BHWC += x_BCHW.permute(0, 2, 3, 1)
        return out_BHWC.permute(0, 3, 1, 2)


def convnext_block(
    in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, layer_scale: float
) -> nn.Module:
    """A block, after the downsampling layer where a stage begins."""
    block = ConvNeXtBlock(out_channels, drop, layer_scale)
    if stride == 1 and in_channels == out_channels:
        return block
    return nn.Sequential(LayerNorm2d(in_channels, eps=EPS), nn.Conv2d(in_channels, out_channels, 2, stride), block)


def initialise(module: nn.Module) -> None:
    """Truncated normal weights, zero biases."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class ConvNeXt(StagedBackbone):
    """ConvNeXt tiny and small.

    Args:
        variant: ``tiny`` or ``small``.
        embedding_dim: length D of an embedding.
        width: channels of the first stage, doubled in each later one.
        stem: patches of 2x2 (``face``, for 112x112) or 4x4 (``paper``, for 224x224).
        stochastic_depth: probability of dropping the last residual branch (the paper: 0.1, 0.4).
        layer_scale: gain that each residual branch starts with. It is learned, one for each channel.
        head: settings of the embedding head; layer normalisation of the pooled features is the paper's.

    Raises:
        ValueError: for a variant that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = ConvNeXt("tiny", embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 224008)
    """

    def __init__(
        self,
        variant: str = "tiny",
        embedding_dim: int = 512,
        width: int = 96,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        layer_scale: float = 1e-6,
        head: EmbeddingHead = EmbeddingHead(feature_norm=True),
    ) -> None:
        require_choice(self, VARIANTS, variant=variant)
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width, layer_scale=layer_scale)
        block = partial(convnext_block, layer_scale=layer_scale)
        depths = zip(VARIANTS[variant], (1, 2, 2, 2), strict=True)
        rows = [Stage(n, width * 2**stage, s, block) for stage, (n, s) in enumerate(depths)]
        patch = 4 if stem == "paper" else 2
        super().__init__(
            nn.Sequential(nn.Conv2d(3, width, patch, patch), LayerNorm2d(width, eps=EPS)),
            build_stages(width, rows, stochastic_depth),
            channels=rows[-1].channels,
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=initialise,
        )
