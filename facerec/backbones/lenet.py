"""Gradient-Based Learning Applied to Document Recognition (LeCun et al., Proc. IEEE 1998), http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf.

Figure 2, LeNet-5: C1, S2, C3, S4, C5, and F6 as the embedding. As usual today, the subsampling is plain average
pooling and C3 is connected to all maps of S2. The paper puts digits of 28x28 into images of 32x32.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from facerec.backbones.base import StagedBackbone
from facerec.backbones.head import EmbeddingHead
from facerec.backbones.layers import STEMS, SmallestInput, Stem
from facerec.settings import require_choice, require_positive

DIGIT, PAPER = 28, 32  # pixels


def initialise(module: nn.Module) -> None:
    """Glorot: tanh units whose sums have the variance of their inputs (the paper's appendix A, in today's form)."""
    if isinstance(module, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight, nn.init.calculate_gain("tanh"))
        if module.bias is not None:  # a depthwise head has none
            nn.init.zeros_(module.bias)


class LeNet(StagedBackbone):
    """LeNet-5 on colour images.

    Args:
        embedding_dim: length D of an embedding; F6 of the paper has 84.
        width: maps of C1; C3 and C5 have 16/6 and 120/6 times as many.
        stem: stride of C1: 2 (``face``, for 112x112) or 1 (``paper``, for 32x32). With ``paper``, images from 28x28 get
            a border up to 32x32.
        head: settings of the embedding head.

    Raises:
        ValueError: for a setting out of range.

    Example:
        >>> import torch
        >>> from facerec.backbones.cost import count_parameters
        >>> network = LeNet(embedding_dim=84, stem="paper")
        >>> network(torch.zeros(2, 3, 32, 32)).shape, count_parameters(network)
        (torch.Size([2, 84]), 61240)
    """

    def __init__(
        self,
        embedding_dim: int = 84,
        width: int = 6,
        stem: Stem = "face",
        head: EmbeddingHead = EmbeddingHead(),
    ) -> None:
        require_choice(self, STEMS, stem=stem)
        require_positive(self, width=width)
        c3, c5 = round(width * 16 / 6), width * 20
        super().__init__(
            nn.Sequential(nn.Conv2d(3, width, 5, 2 if stem == "face" else 1), nn.Tanh(), nn.AvgPool2d(2)),
            nn.Sequential(
                nn.Sequential(nn.Conv2d(width, c3, 5), nn.Tanh(), nn.AvgPool2d(2)),
                nn.Sequential(nn.Conv2d(c3, c5, 5), nn.Tanh()),
            ),
            channels=c5,
            smallest_input=SmallestInput.with_stem(stem, paper=DIGIT, face=59),
            embedding_dim=embedding_dim,
            head=head,
            initialise=initialise,
        )

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Feature maps (B, C, H', W'). Smaller images than the paper's get a border of the pixels at their edge."""
        height, width = images_BCHW.shape[-2:]
        if DIGIT == self.smallest_input.side <= min(height, width) < PAPER:
            images_BCHW = F.pad(images_BCHW, (*_border(width), *_border(height)), mode="replicate")
        return super().features(images_BCHW)


def _border(side: int) -> tuple[int, int]:
    """Pixels to add before and after."""
    missing = max(0, PAPER - side)
    return missing // 2, missing - missing // 2
