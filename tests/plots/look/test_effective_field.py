"""Effective fields against convolutions of a box with itself, and the size of a field with a known shape."""

import math

import numpy as np
import torch
from scipy.signal import convolve2d
from torch import nn

from facerec.backbones import Backbone
from facerec.plots.look.effective_field import effective_centre, effective_side, gradient_fields


class Boxes(Backbone):
    """Means over 3x3 pixels, one after the other (Luo et al., section 2.2)."""

    embedding_dim = 1

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (self._mean() for _ in range(3))

    @staticmethod
    def _mean():
        layer = nn.Conv2d(3, 3, 3, padding=1, bias=False, groups=3)
        nn.init.constant_(layer.weight, 1 / 9)
        return layer

    def forward(self, images_BCHW):
        return self.three(self.two(self.one(images_BCHW)))[:, :1].mean((2, 3))


def test_the_gradient_of_boxes_is_the_box_convolved_with_itself():
    backbone = Boxes().eval()
    found = gradient_fields(backbone, torch.rand(3, 3, 15, 15))
    assert list(found) == ["three"], "of maps of one size the last counts"
    box = np.full((3, 3), 1 / 9)
    expected = np.zeros((15, 15))
    expected[4:11, 4:11] = convolve2d(convolve2d(box, box), box)
    np.testing.assert_allclose(found["three"], 3 * expected, atol=1e-7)
    assert effective_centre(found["three"]) == (7.0, 7.0)


def test_the_field_is_as_large_as_its_share_of_the_peak():
    rows, columns = np.mgrid[-40:41, -40:41]
    sigma = 9.0
    gradient = torch.from_numpy(np.exp(-(rows**2 + columns**2) / (2 * sigma**2)))
    radius = sigma * math.sqrt(-2 * math.log(1 - 0.9545))  # where a Gaussian is at 4.55 % of its peak
    assert abs(effective_side(gradient) - math.sqrt(math.pi) * radius) < 0.2
