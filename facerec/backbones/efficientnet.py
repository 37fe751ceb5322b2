"""EfficientNet: Rethinking Model Scaling for CNNs (Tan and Le, ICML 2019), https://arxiv.org/abs/1905.11946.

Table 1 (B0) and equation 3: MobileNetV2's block with SiLU and squeeze-and-excitation; B1 to B3 scale width and depth
together. Widths are rounded to multiples of 8, depths up.
"""

from functools import partial
from math import ceil

from facerec.backbones.base import StagedBackbone
from facerec.backbones.layers import (
    Head,
    Stage,
    Stem,
    build_stages,
    choose,
    choose_stem,
    conv_norm_act,
    he_initialise,
    round_channels,
    silu,
)
from facerec.backbones.mobilenet_v2 import inverted_residual

ROWS = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 3, 80, 2),
    (6, 5, 3, 112, 1),
    (6, 5, 4, 192, 2),
    (6, 3, 1, 320, 1),
)
"""Expansion, kernel, blocks, channels and stride of B0 (table 1)."""
VARIANTS = {"B0": (1.0, 1.0), "B1": (1.0, 1.1), "B2": (1.1, 1.2), "B3": (1.2, 1.4)}
"""Width and depth multipliers."""
STEM_WIDTH, LAST_CHANNELS = 32, 1280


class EfficientNet(StagedBackbone):
    """EfficientNet B0 to B3.

    Args:
        variant: ``B0``, ``B1``, ``B2`` or ``B3``.
        embedding_dim: length D of an embedding.
        stem: ``face`` keeps the resolution of 112x112 images, ``paper`` halves it (made for 224x224 and more).
        dropout: probability of dropping a feature before the embedding layer (the paper: 0.2 for B0 to 0.3 for B3).
        stochastic_depth: probability of dropping the last residual branch; earlier ones less (the paper: 0.2).
        head: from feature map to embedding: ``pool``, ``flatten`` or ``depthwise``.
        image_size: (height, width) of the images, for the heads ``flatten`` and ``depthwise``.

    Raises:
        ValueError: for a variant that is not in the table, a size below 1, or a probability outside [0, 1).
    """

    def __init__(
        self,
        variant: str = "B0",
        embedding_dim: int = 512,
        stem: Stem = "face",
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        head: Head = "pool",
        image_size: tuple[int, int] = (112, 112),
    ) -> None:
        choose(VARIANTS, variant, "EfficientNet variant")
        choose_stem(stem)
        wider, deeper = VARIANTS[variant]
        width, last = round_channels(STEM_WIDTH * wider), round_channels(LAST_CHANNELS * wider)
        rows = [
            Stage(
                ceil(n * deeper),
                round_channels(c * wider),
                s,
                partial(inverted_residual, expansion=t, kernel_size=k, act=silu, squeeze_excite=True),
            )
            for t, k, n, c, s in ROWS
        ]
        stages = build_stages(width, rows, stochastic_depth)
        stages.append(conv_norm_act(rows[-1].channels, last, 1, act=silu))
        super().__init__(
            conv_norm_act(3, width, 3, 2 if stem == "paper" else 1, act=silu),
            stages,
            channels=last,
            smallest_input=32 if stem == "paper" else 16,
            embedding_dim=embedding_dim,
            head=head,
            image_size=image_size,
            dropout=dropout,
        )
        self.apply(he_initialise)
