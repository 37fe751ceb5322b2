"""Warping against scikit-image's, against plain averages where it shrinks, and the centre crop."""

import numpy as np
import pytest
import torch
from skimage import transform as sk

from facerec.align import TEMPLATES, align_face, apply_similarity, center_crop
from facerec.data import read_image
from tests.conftest import face

TEMPLATE = TEMPLATES["112x112"]


def similarity(scale, degrees, x, y):
    angle = np.deg2rad(degrees)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([linear, [x, y]])


@pytest.mark.parametrize(
    "arguments", [(0.78, 12, -5, 3), (1.0, 0, 0.5, -7.25), (2.3, -170, 150, 200), (0.6, 90, 60, 5)]
)
def test_warp_is_that_of_scikit_image(arguments):
    image = read_image(face(1, 1))
    matrix = similarity(*arguments)
    ours = apply_similarity(image, matrix, (112, 96)).numpy().transpose(1, 2, 0)
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    # one black pixel around, so that the reference too fades to black over the last half pixel
    padded = np.pad(image.numpy().transpose(1, 2, 0), ((1, 1), (1, 1), (0, 0))).astype(float)
    theirs = sk.warp(padded, sk.AffineTransform(inverse) + sk.AffineTransform(translation=(1, 1)), order=1,
                     output_shape=(112, 96), preserve_range=True)  # fmt: skip
    assert np.abs(ours - theirs).max() <= 0.51
    assert (ours > 0).mean() > 0.2


@pytest.mark.parametrize("factor", [2, 4, 7])
def test_shrinking_averages_every_pixel(factor):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (3, 20 * factor, 30 * factor), generator=generator, dtype=torch.uint8)
    shift = 0.5 / factor - 0.5  # centres of pixels are whole numbers
    small = apply_similarity(image, np.array([[1 / factor, 0, shift], [0, 1 / factor, shift]]), (20, 30))
    means = torch.nn.functional.avg_pool2d(image.double(), factor)
    assert (small.double() - means).abs().max() <= 0.5 + 1e-6


def test_fine_stripes_become_grey_not_moire():
    stripes = torch.zeros(3, 900, 900, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    points = TEMPLATE.points_52 * 5.3 + 100
    aligned = align_face(stripes, points, TEMPLATE).double()
    assert (aligned - 127.5).abs().max() < 30


def test_the_points_come_to_the_template():
    image = torch.zeros(3, 300, 300, dtype=torch.uint8)
    matrix = similarity(2.0, 25, 100, 40)
    points = TEMPLATE.points_52 @ matrix[:, :2].T + matrix[:, 2]
    for x, y in points.round().astype(int):
        image[:, y - 2 : y + 3, x - 2 : x + 3] = 255
    aligned = align_face(image, points, TEMPLATE)[0]
    for x, y in TEMPLATE.points_52.round().astype(int):
        assert aligned[y, x] > 200
    assert (aligned > 100).sum() < 5 * 20


def test_points_of_another_image_are_refused():
    image = read_image(face(1, 1))
    with pytest.raises(ValueError, match=r"outside the image of 92 x 112 pixels: they belong to another image"):
        align_face(image, TEMPLATE.points_52 + 200, TEMPLATE)
    assert not apply_similarity(image, similarity(1, 0, 5000, 0), (112, 112)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (112, 112), (250, 250), (301, 100)])
@pytest.mark.parametrize("name", list(TEMPLATES))
def test_centre_crop_keeps_the_aspect_ratio(size, name):
    template = TEMPLATES[name]
    image = torch.arange(size[0] * size[1]).remainder(251).to(torch.uint8).reshape(1, *size).expand(3, -1, -1)
    assert center_crop(image, template).shape == (3, template.height, template.width)
    if size == (112, 112) and name == "96x112":
        assert torch.equal(center_crop(image, template), image[:, :, 8:104])
    if size == (250, 250):
        half = center_crop(image, TEMPLATES["112x112"], 112 / 250)
        assert torch.equal(half, image[:, 69:181, 69:181])


@pytest.mark.parametrize("fraction", [0.0, 1.5, float("nan")])
def test_centre_crop_of_no_such_fraction(fraction):
    with pytest.raises(ValueError, match=r"center_crop fraction=.*: must be in \(0, 1\]"):
        center_crop(torch.zeros(3, 8, 8, dtype=torch.uint8), TEMPLATE, fraction)
