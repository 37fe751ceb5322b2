"""The pieces that several families share, each written once.

Shapes: B batch, C channels, H height, W width, F features, D embedding dimension.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal, NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Stem = Literal["paper", "face"]
Head = Literal["pool", "flatten", "depthwise"]
Activation = Callable[[], nn.Module]
BlockFactory = Callable[[int, int, int, nn.Module], nn.Module]
"""``(in_channels, out_channels, stride, drop)``; ``drop`` is the regulariser of the residual branch."""

relu: Activation = partial(nn.ReLU, inplace=True)
relu6: Activation = partial(nn.ReLU6, inplace=True)
silu: Activation = partial(nn.SiLU, inplace=True)

T = TypeVar("T")


# Settings ------------------------------------------------------------------------------------------------------------


def choose(table: dict[T, object] | Iterable[T], value: T, what: str) -> None:
    """Refuse a value that is not in the table.

    Raises:
        ValueError: naming the setting, the value and the choices.
    """
    choices = list(table)
    if value not in choices:
        raise ValueError(f"{what}={value!r}: choose one of {', '.join(map(str, choices))}")


def require_positive(network: str, **settings: float) -> None:
    """Refuse sizes that are not above zero.

    Raises:
        ValueError: naming the network, the setting and the value.
    """
    for name, value in settings.items():
        if value <= 0:
            raise ValueError(f"{network} {name}={value}: must be above 0")


def require_probability(what: str, probability: float) -> None:
    """Refuse probabilities outside [0, 1).

    Raises:
        ValueError: naming the setting and the value.
    """
    if not 0.0 <= probability < 1.0:
        raise ValueError(f"{what}={probability}: a probability in [0, 1)")


def round_channels(channels: float, divisor: int = 8) -> int:
    """Nearest multiple of 8, but never below 90 % of the wish (the MobileNets' code)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


# Convolutions --------------------------------------------------------------------------------------------------------


def conv_norm_act(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    *,
    groups: int = 1,
    act: Activation | None = relu,
) -> nn.Sequential:
    """Same-padded convolution without bias, batch normalisation and, unless it is None, an activation."""
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
    ]
    if act is not None:
        layers.append(act())
    return nn.Sequential(*layers)


def make_stem(stem: Stem, width: int) -> nn.Sequential:
    """The first layers of a residual network.

    ``paper`` is made for 224x224 (7x7 stride 2, then 3x3 max pooling stride 2: four times smaller). ``face`` is made
    for 112x112 and keeps the resolution (3x3 stride 1), as the code of ArcFace does (Deng et al., CVPR 2019). Over all
    families, ``face`` halves the total stride: a face of 112 pixels reaches the last stage with the map that the paper
    has for 224 (7x7), not with a quarter of it.

    Raises:
        ValueError: for any other name.
    """
    choose_stem(stem)
    if stem == "paper":
        return nn.Sequential(*conv_norm_act(3, width, 7, 2), nn.MaxPool2d(3, 2, 1))
    return conv_norm_act(3, width, 3)


def choose_stem(stem: Stem) -> None:
    """Refuse an unknown stem.

    Raises:
        ValueError: with the choices.
    """
    if stem not in ("paper", "face"):
        raise ValueError(f"stem={stem!r}: choose 'paper' (for 224x224) or 'face' (for 112x112, half the total stride)")


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al., CVPR 2018, arXiv:1709.01507, equations 2 to 4): x * sigmoid(W2 act(W1 mean(x)))."""

    def __init__(self, channels: int, squeezed: int, act: Activation = relu) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, squeezed)
        self.act = act()
        self.excite = nn.Linear(squeezed, channels)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Scale each channel by a gate in (0, 1)."""
        gate_BC = torch.sigmoid(self.excite(self.act(self.squeeze(x_BCHW.mean((2, 3))))))
        return x_BCHW * gate_BC[:, :, None, None]


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of each position (B, C, H, W), as in ConvNeXt."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Normalise; the permutations only relabel, so channels_last input stays where it is."""
        return super().forward(x_BCHW.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerScale(nn.Module):
    """A learned gain per channel of the last axis (Touvron et al., ICCV 2021, arXiv:2103.17239, section 2)."""

    def __init__(self, channels: int, initial: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((channels,), initial))

    def forward(self, x: Tensor) -> Tensor:
        """Scale (..., C)."""
        return x * self.gain


# Regularisers --------------------------------------------------------------------------------------------------------


class StochasticDepth(nn.Module):
    """Drops a residual branch, image by image, while training (Huang et al., ECCV 2016, arXiv:1603.09382).

    A kept branch is divided by its survival probability, so that evaluation needs no correction.
    """

    def __init__(self, drop_probability: float) -> None:
        super().__init__()
        require_probability("stochastic_depth", drop_probability)
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
        require_probability("dropblock", drop_probability)
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


# Blocks and stages ---------------------------------------------------------------------------------------------------


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
    require_probability("stochastic_depth", stochastic_depth)
    require_probability("dropblock", dropblock)
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


# Head ----------------------------------------------------------------------------------------------------------------


class EmbeddingHead(nn.Module):
    """Features (B, C, H, W) to embeddings (B, D): reduce the map, dropout, a linear layer, batch normalisation.

    Args:
        head: ``pool``, the mean over the map, at any input size; ``flatten``, all of the map at once (insightface);
            ``depthwise``, one learned weight per position and channel (MobileFaceNet, arXiv:1804.07573, section 3.2).
        channels: C.
        feature_size: height and width of the map, for ``flatten`` and ``depthwise``.
        embedding_dim: D.
        dropout: probability of dropping a feature before the linear layer.
        feature_norm: layer normalisation of the reduced features.
        norm: batch normalisation of the embedding; without it the linear layer has a bias.

    Raises:
        ValueError: for another head, or a dropout outside [0, 1).
    """

    def __init__(
        self,
        head: Head,
        channels: int,
        feature_size: tuple[int, int],
        embedding_dim: int,
        dropout: float = 0.0,
        *,
        feature_norm: bool = False,
        norm: bool = True,
    ) -> None:
        super().__init__()
        choose(("pool", "flatten", "depthwise"), head, "head")
        require_probability("dropout", dropout)
        self.feature_size = None if head == "pool" else feature_size
        features = channels
        if head == "pool":
            self.reduce: nn.Module = nn.AdaptiveAvgPool2d(1)
        elif head == "flatten":
            self.reduce = nn.Identity()
            features = channels * feature_size[0] * feature_size[1]
        else:
            self.reduce = nn.Sequential(
                nn.Conv2d(channels, channels, feature_size, groups=channels, bias=False), nn.BatchNorm2d(channels)
            )
        self.feature_norm = nn.LayerNorm(features, eps=1e-6) if feature_norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(features, embedding_dim, bias=not norm)
        self.norm = nn.BatchNorm1d(embedding_dim) if norm else nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Embed feature maps.

        Raises:
            ValueError: for a map of another size than the one the head was built for.
        """
        if self.feature_size is not None and tuple(x_BCHW.shape[-2:]) != self.feature_size:
            raise ValueError(
                f"this embedding head was built for feature maps of {self.feature_size[0]}x{self.feature_size[1]} and "
                f"got {x_BCHW.shape[-2]}x{x_BCHW.shape[-1]}: set image_size to the (height, width) of the images, "
                "or choose head='pool', which takes any size"
            )
        features_BF = self.feature_norm(self.reduce(x_BCHW).flatten(1))
        embeddings_BD: Tensor = self.norm(self.linear(self.dropout(features_BF)))
        return embeddings_BD


# Initialisation ------------------------------------------------------------------------------------------------------


def he_initialise(module: nn.Module) -> None:
    """Convolutions normal by fan-out (He et al., ICCV 2015, arXiv:1502.01852, section 2.2, backward case), no bias."""
    if isinstance(module, nn.Conv2d):
        fan_out = module.out_channels * math.prod(module.kernel_size) / module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2.0) / math.sqrt(fan_out))
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def zero_last_norm(module: nn.Module) -> None:
    """Let a residual branch start at zero (Goyal et al. 2017, arXiv:1706.02677, section 5.1)."""
    if isinstance(module, ResidualBlock):
        last_norm = [layer for layer in module.branch if isinstance(layer, nn.BatchNorm2d)][-1]
        nn.init.zeros_(last_norm.weight)


def residual_initialise(module: nn.Module) -> None:
    """He-normal convolutions, and residual blocks that start as identities."""
    he_initialise(module)
    zero_last_norm(module)
