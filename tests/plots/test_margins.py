"""Boundaries against the losses: on a boundary, an image's loss is that of two equal logits."""

import math

import numpy as np
import pytest
import torch

from facerec.losses import ArcFace, CosFace, NormFace, SphereFace
from facerec.plots import margins_figure
from facerec.plots.margins import boundary, margin_families
from tests.plots.images import texts


def image_between(own: float, other: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Two class directions and a unit vector at the given angles (degrees) to them, float64."""
    own, other = math.radians(own), math.radians(other)
    classes = torch.eye(3, dtype=torch.float64)[:2]
    height = 1.0 - math.cos(own) ** 2 - math.cos(other) ** 2
    return classes, torch.tensor([[math.cos(own), math.cos(other), math.sqrt(max(height, 0.0))]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("NormFace", NormFace(scale=2.0)),
        ("CosFace", CosFace(scale=2.0)),
        ("ArcFace", ArcFace(scale=2.0)),
        ("SphereFace", SphereFace(lambda_start=0.0, lambda_end=0.0)),
    ],
)
def test_on_a_boundary_the_two_classes_are_as_likely(name, loss):
    [margin] = margin_families()[name]
    # Both angles must be those of one vector and two classes at right angles: their sum is at least 90 degrees.
    for own in (46.0, 50.0, 55.0) if name != "SphereFace" else (18.5, 20.0, 22.0):
        [other] = boundary(margin.target, np.array([own]))
        assert 90.0 - own <= other <= 90.0 if name != "NormFace" else other == pytest.approx(own)
        classes, image = image_between(own, other)
        loss.build(3, 2).weight.data = classes
        assert loss(image, torch.tensor([0])).item() == pytest.approx(math.log(2.0), abs=1e-6)


def test_every_family_has_its_formula_and_both_boundaries():
    figure = margins_figure("margins")
    titles = [axes.get_title().partition(":")[0] for axes in figure.axes]
    assert titles == ["NormFace", "SphereFace", "CosFace", "ArcFace", "CombinedMargin", "AdaFace"]
    cosface = figure.axes[2]
    assert cosface.get_title() == "CosFace: cos θ - 0.35"
    first, second, _ = cosface.get_lines()
    degrees, angle = first.get_data()
    known = np.cos(np.radians(degrees)) - 0.35
    np.testing.assert_allclose(angle, np.degrees(np.arccos(known)), atol=1e-9)
    np.testing.assert_array_equal(second.get_xydata(), first.get_xydata()[:, ::-1])
    ada = figure.axes[5].get_lines()
    assert len({line.get_linestyle() for line in ada[:6]}) == 3
    assert texts(figure.axes[5].get_legend()) == [f"image quality {quality}" for quality in (-1, 0, 1)]
    figure.canvas.draw()
