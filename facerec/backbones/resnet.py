"""Deep Residual Learning for Image Recognition (He et al., CVPR 2016), https://arxiv.org/abs/1512.03385.

Table 1: five depths out of two blocks; the downsampling stride of a bottleneck sits in its 3x3 convolution, as in
every public implementation since (ResNet v1.5). The last batch normalisation of each branch starts at zero (Goyal et
al. 2017, section 5.1), so that a fresh network is a stack of identities.
"""

from torch import Tensor, nn

from facerec.backbones.base import Backbone
from facerec.backbones.layers import EmbeddingHead, Stem, StochasticDepth, conv_bn, make_stem


class ResidualBlock(nn.Module):
    """``relu(shortcut(x) + branch(x))``; the shortcut is a 1x1 projection where the shape changes (option B)."""

    expansion: int

    def __init__(self, branch: nn.Sequential, in_channels: int, out_channels: int, stride: int, drop: float) -> None:
        super().__init__()
        self.branch = branch
        changes_shape = stride != 1 or in_channels != out_channels
        self.shortcut = conv_bn(in_channels, out_channels, 1, stride, relu=False) if changes_shape else nn.Identity()
        self.drop = StochasticDepth(drop)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Add the residual to the input."""
        out: Tensor = self.relu(self.shortcut(x_BCHW) + self.drop(self.branch(x_BCHW)))
        return out


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions (figure 5, left)."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, drop: float) -> None:
        branch = nn.Sequential(*conv_bn(in_channels, width, 3, stride), *conv_bn(width, width, 3, relu=False))
        super().__init__(branch, in_channels, width, stride, drop)


class BottleneckBlock(ResidualBlock):
    """1x1 down to ``width``, 3x3, 1x1 up to four times ``width`` (figure 5, right)."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, drop: float) -> None:
        out_channels = width * self.expansion
        branch = nn.Sequential(
            *conv_bn(in_channels, width, 1),
            *conv_bn(width, width, 3, stride),
            *conv_bn(width, out_channels, 1, relu=False),
        )
        super().__init__(branch, in_channels, out_channels, stride, drop)


BLOCKS_PER_STAGE: dict[int, tuple[type[BasicBlock] | type[BottleneckBlock], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (BottleneckBlock, (3, 4, 6, 3)),
    101: (BottleneckBlock, (3, 4, 23, 3)),
    152: (BottleneckBlock, (3, 8, 36, 3)),
}


class ResNet(Backbone):
    """Residual network of 18, 34, 50, 101 or 152 layers (table 1).

    Args:
        depth: number of layers with weights.
        embedding_dim: length D of an embedding.
        width: channels of the first stage; each of the three later stages doubles it.
        stem: ``face`` keeps the resolution of 112x112 images, ``paper`` is four times smaller (made for 224x224).
        dropout: probability of dropping a pooled feature before the linear layer.
        stochastic_depth: probability of dropping the last residual branch; earlier ones less, in proportion.

    Raises:
        ValueError: for a depth that is not in the table, or a width or embedding length below 1.
    """

    def __init__(
        self,
        depth: int = 18,
        embedding_dim: int = 512,
        width: int = 64,
        stem: Stem = "face",
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        if depth not in BLOCKS_PER_STAGE:
            raise ValueError(f"ResNet depth={depth}: choose one of {', '.join(map(str, BLOCKS_PER_STAGE))}")
        if width < 1 or embedding_dim < 1:
            raise ValueError(f"ResNet width={width}, embedding_dim={embedding_dim}: both must be at least 1")
        self.embedding_dim = embedding_dim
        block, depths = BLOCKS_PER_STAGE[depth]

        self.stem = make_stem(stem, width)
        stages: list[nn.Sequential] = []
        channels, built, total = width, 0, sum(depths)
        for stage, count in enumerate(depths):
            blocks: list[nn.Module] = []
            for position in range(count):
                # With the paper's stem the first stage keeps the size; with the face stem it halves it.
                stride = 2 if position == 0 and (stage > 0 or stem == "face") else 1
                drop = stochastic_depth * built / max(total - 1, 1)
                blocks.append(block(channels, width * 2**stage, stride, drop))
                channels, built = width * 2**stage * block.expansion, built + 1
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = EmbeddingHead(channels, embedding_dim, dropout)
        self.apply(_initialise)

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images (B, 3, H, W) as (B, D)."""
        embeddings_BD: Tensor = self.head(self.stages(self.stem(images_BCHW)))
        return embeddings_BD


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, ResidualBlock):
        last_norm = module.branch[-1]
        assert isinstance(last_norm, nn.BatchNorm2d)
        nn.init.zeros_(last_norm.weight)
