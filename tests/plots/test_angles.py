"""Angles against plain loops, and the histograms of them."""

import math

import numpy as np
import pytest
import torch

from facerec.plots import EmbeddedImages, angles_figure, angles_of
from tests.plots.images import embedded, texts

NAMES = ["a", "p0", "p1", "p2"]


def test_angles_are_those_of_plain_loops(monkeypatch):
    monkeypatch.setattr("facerec.plots.angles.BLOCK", 5)  # not a divisor of 12 images
    some = embedded()
    directions = torch.nn.functional.normalize(torch.randn(4, 5, generator=torch.Generator().manual_seed(1)))
    found = angles_of(some, directions, NAMES)
    for row, name in enumerate(some.people):
        image = some.embeddings[row].tolist()
        degrees = {
            other: math.degrees(
                math.acos(sum(x * y for x, y in zip(image, direction, strict=True)) / math.hypot(*image))
            )
            for other, direction in zip(NAMES, directions.tolist(), strict=True)
        }
        assert found.own[row] == pytest.approx(degrees.pop(name), abs=1e-3)
        assert found.other[row] == pytest.approx(min(degrees.values()), abs=1e-3)


def test_histograms_hold_every_image_and_its_median():
    some = embedded()
    angles = angles_of(some, torch.eye(5)[:4], NAMES)
    figure = angles_figure([[(some, angles), (some, angles)]], "x")
    assert len(figure.axes) == 2
    own, other = figure.axes[0].containers
    heights = np.array([bar.get_height() for bar in own])
    np.testing.assert_allclose(heights * 2.0 * 12, np.histogram(angles.own, np.arange(0, 181, 2))[0], atol=1e-9)
    assert own.patches[0].get_hatch()
    assert not other.patches[0].get_hatch()
    assert texts(figure.axes[0].get_legend())[0] == f"own class, median {np.median(angles.own):.1f}°"
    assert "n = 12 images of 3 people" in figure.axes[0].get_title()
    figure.canvas.draw()


def test_people_who_are_no_class_are_refused():
    with pytest.raises(ValueError, match="net was not trained on p2"):
        angles_of(embedded(), torch.eye(5)[:2], ["p0", "p1"])
    alone = EmbeddedImages("net", "dev", torch.ones(1, 2), ["ann"], [])
    with pytest.raises(ValueError, match="1 person: no other class"):
        angles_of(alone, torch.eye(2)[:1], ["ann"])
