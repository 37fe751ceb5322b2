"""Features of two numbers, as they are, with the classes of their people."""

import numpy as np
import pytest
import torch

from facerec.plots import Plane, plane_figure
from tests.plots.images import embedded, texts


def test_images_and_classes_lie_where_they_are():
    train, dev = embedded(length=2), embedded(images=1, length=2, seed=1)
    directions = torch.nn.functional.normalize(torch.tensor([[1.0, 1.0], [-1.0, 0.0], [0.0, 2.0], [3.0, -4.0]]))
    identities = ["p2", "x", "p0", "p1"]
    figure = plane_figure([Plane([train, dev], directions, identities)], "plane")
    for axes, some in zip(figure.axes, (train, dev), strict=True):
        farthest = float(some.embeddings.norm(dim=1).max())
        rays = [line.get_xydata() for line in axes.get_lines()[:3]]
        for name, ray in zip(("p0", "p1", "p2"), rays, strict=True):
            np.testing.assert_allclose(ray[0], 0.0)
            np.testing.assert_allclose(ray[1], farthest * directions[identities.index(name)], rtol=1e-6)
        points = [points for points in axes.collections if points.get_label() in some.names]
        for person in points:
            np.testing.assert_allclose(person.get_offsets(), some.embeddings[some.of(person.get_label())])
    assert "n = 12 images of 3 people" in figure.axes[0].get_title()
    assert texts(figure.legends[0]) == ["p0", "p1", "p2"]
    figure.canvas.draw()


def test_features_of_three_numbers_lie_in_space():
    some = embedded(length=3)
    directions = torch.nn.functional.normalize(torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0], [3.0, 0.0, -4.0]]))
    figure = plane_figure([Plane([some], directions, ["p0", "p1", "p2"])], "space")
    [axes] = figure.axes
    assert axes.get_zlabel() == "feature 3"
    farthest = float(some.embeddings.norm(dim=1).max())
    for line, direction in zip(axes.get_lines(), directions, strict=True):
        np.testing.assert_allclose(np.array(line.get_data_3d())[:, 1], farthest * direction, rtol=1e-6)
    figure.canvas.draw()
    with pytest.raises(ValueError, match="of 2 and of 3 numbers"):
        plane_figure([Plane([embedded(length=length)], None, []) for length in (2, 3)], "both")


def test_a_loss_without_class_weights_has_no_lines():
    figure = plane_figure([Plane([embedded(length=2)], None, ["p0", "p1", "p2"])], "plane")
    [axes] = figure.axes
    assert "no class directions" in axes.get_title()
    assert len(axes.get_lines()) == 2  # the axes through the origin
