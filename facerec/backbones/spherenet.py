"""SphereFace: Deep Hypersphere Embedding for Face Recognition (Liu et al., CVPR 2017), https://arxiv.org/abs/1704.08063.

Table 2: each stage is a 3x3 convolution of stride 2 and some residual units of two 3x3 convolutions, all with PReLU. A
fully connected layer on the whole map follows. The paper has no batch normalisation. The course's report adds it after
every layer and trains better with it.
"""

from dataclasses import replace
from functools import partial

from torch import nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import SmallestInput
from facerec.backbones.prelu import PReLU
from facerec.backbones.stages import ResidualBlock, Stage, build_stages
from facerec.settings import require_choice, require_positive

UNITS_PER_STAGE = {4: (0, 0, 0, 0), 10: (0, 1, 2, 0), 20: (1, 2, 4, 1), 36: (2, 4, 8, 2), 64: (3, 8, 16, 3)}


def conv_prelu(in_channels: int, out_channels: int, stride: int, batch_norm: bool) -> list[nn.Module]:
    """3x3 convolution with bias, batch normalisation or not, and PReLU."""
    norm = [nn.BatchNorm2d(out_channels)] if batch_norm else []
    return [nn.Conv2d(in_channels, out_channels, 3, stride, 1), *norm, PReLU(out_channels)]


def sphere_block(in_channels: int, out_channels: int, stride: int, drop: nn.Module, *, batch_norm: bool) -> nn.Module:
    """The strided convolution that begins a stage, or a residual unit of it."""
    if stride == 2:
        return nn.Sequential(*conv_prelu(in_channels, out_channels, 2, batch_norm))
    branch = nn.Sequential(
        *conv_prelu(in_channels, out_channels, 1, batch_norm), *conv_prelu(out_channels, out_channels, 1, batch_norm)
    )
    return ResidualBlock(branch, nn.Identity(), drop, nn.Identity())


def initialise(module: nn.Module) -> None:
    """Glorot for strided convolutions, normal 0.01 in residual units, as in the authors' network definition.

    There the biases of the residual units stay at zero; here they are trained.
    """
    if isinstance(module, ResidualBlock):
        for layer in module.branch:
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)
    elif isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:  # a depthwise head has none
            nn.init.zeros_(module.bias)


class SphereNet(StagedBackbone):
    """SphereFace's network of 4, 10, 20, 36 or 64 layers. It has one stem, and halves images four times.

    Args:
        depth: number of convolutions.
        embedding_dim: length D of an embedding.
        batch_norm: batch normalisation after every convolution (not in the paper); without it the head has none either.
        width: channels of the first stage, doubled in each later one.
        stochastic_depth: probability of dropping the last residual branch.
        head: settings of the embedding head; ``flatten`` is the paper's, on images of 112x96.

    Raises:
        ValueError: for a depth that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = SphereNet(20, embedding_dim=16, width=8)
        >>> network(torch.zeros(2, 3, 112, 112)).shape, count_parameters(network)
        (torch.Size([2, 16]), 234776)
    """

    def __init__(
        self,
        depth: int = 20,
        embedding_dim: int = 512,
        batch_norm: bool = True,
        width: int = 64,
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead("flatten"),
    ) -> None:
        require_choice(self, UNITS_PER_STAGE, depth=depth)
        require_positive(self, width=width)
        block = partial(sphere_block, batch_norm=batch_norm)
        rows = [Stage(1 + n, width * 2**stage, 2, block) for stage, n in enumerate(UNITS_PER_STAGE[depth])]
        super().__init__(
            nn.Identity(),
            build_stages(3, rows, stochastic_depth),
            channels=8 * width,
            smallest_input=SmallestInput(16),
            embedding_dim=embedding_dim,
            head=head if batch_norm else replace(head, batch_norm=False),
            initialise=initialise,
        )
