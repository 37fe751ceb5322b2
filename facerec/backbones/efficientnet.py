"""EfficientNet: Rethinking Model Scaling for CNNs (Tan and Le, ICML 2019), https://arxiv.org/abs/1905.11946.

Table 1 (B0) and equation 3: MobileNetV2's block with SiLU and squeeze-and-excitation; B1 to B3 scale width and depth
together. Widths are rounded to multiples of 8, depths up.
"""

from functools import partial
from math import ceil

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem, conv_norm_act, he_initialise, round_channels, silu
from facerec.backbones.mobilenet_v2 import inverted_residual
from facerec.backbones.stages import Stage, build_stages
from facerec.settings import require_choice

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
        stem: ``face`` keeps the resolution of 112x112 images; ``paper`` halves it, for 224x224 and more.
        stochastic_depth: probability of dropping the last residual branch (the paper: 0.2).
        head: settings of the embedding head (the paper: a dropout of 0.2 for B0 to 0.3 for B3).

    Raises:
        ValueError: for a variant that is not in the table, or another setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = EfficientNet("B0", embedding_dim=16)
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 16]), 4028060)
    """

    def __init__(
        self,
        variant: str = "B0",
        embedding_dim: int = 512,
        stem: Stem = "face",
        stochastic_depth: float = 0.0,
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, VARIANTS, variant=variant)
        require_choice(self, STEMS, stem=stem)
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
            smallest_input=SmallestInput.with_stem(stem),
            embedding_dim=embedding_dim,
            head=head,
            initialise=he_initialise,
        )
