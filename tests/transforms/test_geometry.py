"""Each image alone through torchvision is the reference of what the batch goes through at once."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as v2

from facerec.data.formats.orl import ORLImages
from facerec.transforms import Augment
from facerec.transforms.geometry import Geometry, quad_to_matrix, warp
from facerec.transforms.randomness import Draws

INDICES = torch.arange(40, 52)


def moved(geometry, images, draws):
    return geometry(images, geometry.draw(draws, *images.shape[-2:]))


@pytest.fixture(scope="module")
def faces():
    source = ORLImages("train")
    gray = torch.stack([source.read(index) for index in range(12)]).float() / 255.0
    return gray * torch.tensor([1.0, 0.8, 0.6])[:, None, None]


def test_vertical_flip_is_off_and_each_image_has_its_own(faces):
    assert Augment().settings["vertical_flip"] == 0.0
    many = faces[:1].expand(64, -1, -1, -1)
    flipped = moved(Geometry(vertical_flip=0.5), many, Draws(0, 0, torch.arange(64)))
    upside_down = (flipped == faces[:1].flip(-2)).flatten(1).all(1)
    upright = (flipped == faces[:1]).flatten(1).all(1)
    assert (upside_down ^ upright).all()
    assert 16 < int(upside_down.sum()) < 48


def test_flips_are_the_same_with_an_interpolation(faces):
    both = {"horizontal_flip": 0.5, "vertical_flip": 0.5}
    plain = moved(Geometry(**both), faces, Draws(1, 2, INDICES))
    interpolated = moved(Geometry(**both, rotation=1e-6), faces, Draws(1, 2, INDICES))
    torch.testing.assert_close(interpolated, plain, atol=1e-3, rtol=0)


def test_resized_crop_against_torchvision(faces):
    """The drawn rectangle, rounded to pixels and cut and resized by torchvision, is nearly what we look at."""
    geometry = Geometry(resized_crop=(0.3, 0.9), resized_crop_ratio=(0.8, 1.25))
    ours = moved(geometry, faces, Draws(0, 0, INDICES))
    matrix_B33 = geometry._crop(Draws(0, 0, INDICES))
    height, width = faces.shape[-2:]
    shares, ratios = [], []
    for image, matrix, our in zip(faces, matrix_B33, ours, strict=True):
        crop_w, crop_h = float(matrix[0, 0]) * width, float(matrix[1, 1]) * height
        left = (1 + float(matrix[0, 2])) * width / 2 - crop_w / 2
        top = (1 + float(matrix[1, 2])) * height / 2 - crop_h / 2
        assert min(left, top) > -1e-3
        assert left + crop_w < width + 1e-3
        assert top + crop_h < height + 1e-3
        box = [round(number) for number in (top, left, crop_h, crop_w)]
        reference = v2.resized_crop(image, *box, [height, width], antialias=False)
        assert float((our - reference).abs().mean()) < 0.02  # half a pixel of rounding
        assert float((our - image).abs().mean()) > 0.03
        shares.append(crop_w * crop_h / (width * height))
        ratios.append(crop_w / width / (crop_h / height))
    assert 0.29 < min(shares) < 0.6
    assert 0.6 < max(shares) < 0.91
    assert 0.79 < min(ratios) < 1.0 < max(ratios) < 1.26


def test_whole_pixel_crop_is_torchvisions_exactly(faces):
    matrix = torch.tensor([[[46 / 92, 0.0, (2 * 10 + 46) / 92 - 1], [0.0, 56 / 112, (2 * 20 + 56) / 112 - 1]]])
    ours = warp(faces[:1], matrix)
    reference = v2.resized_crop(faces[:1], 20, 10, 56, 46, [112, 92], antialias=False)
    torch.testing.assert_close(ours[..., 1:-1, 1:-1], reference[..., 1:-1, 1:-1], atol=1e-5, rtol=0)


def test_perspective_against_torchvision(faces):
    geometry = Geometry(perspective=0.5)
    ours = moved(geometry, faces, Draws(0, 0, INDICES))
    corners_B42 = geometry._corners(Draws(0, 0, INDICES))
    height, width = faces.shape[-2:]
    ends = [[0, 0], [width, 0], [width, height], [0, height]]
    for image, corners, our in zip(faces, corners_B42, ours, strict=True):
        starts = ((corners + 1) / 2 * torch.tensor([width, height])).tolist()
        reference = v2.perspective(image, starts, ends, InterpolationMode.BILINEAR)
        torch.testing.assert_close(our[:, 2:-2, 2:-2], reference[:, 2:-2, 2:-2], atol=2e-3, rtol=0)
    assert float((corners_B42[0] - corners_B42[1]).abs().max()) > 0.05


def test_quad_matrix_leads_corners_to_corners():
    corners = torch.tensor([[[-0.9, -0.8], [0.7, -1.0], [1.0, 0.6], [-0.5, 0.9]]])
    square = torch.tensor([[-1.0, -1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])
    there = square @ quad_to_matrix(corners)[0].T
    torch.testing.assert_close(there[:, :2] / there[:, 2:], corners[0])


def test_all_moves_together_are_one_after_another(faces):
    """One interpolation of the product of the matrices looks like several interpolations, but sharper."""
    settings = {"rotation": 10.0, "perspective": 0.2, "resized_crop": (0.5, 0.9)}
    together = moved(Geometry(**settings), faces, Draws(3, 1, INDICES))
    stepwise = faces
    for name, value in settings.items():
        stepwise = moved(Geometry(**{name: value}), stepwise, Draws(3, 1, INDICES))
    assert float((together - stepwise)[..., 8:-8, 8:-8].abs().mean()) < 0.02
    assert float((together - faces).abs().mean()) > 0.05


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"vertical_flip": 2.0}, "augment.vertical_flip=2.0"),
        ({"perspective": 1.0}, "augment.perspective=1.0"),
        ({"perspective": -0.1}, "augment.perspective=-0.1"),
        ({"resized_crop": (0.5, 1.1)}, "keeps at most 1"),
        ({"resized_crop": (0.0, 1.0)}, "augment.resized_crop"),
        ({"resized_crop_ratio": (2.0, 1.0)}, "augment.resized_crop_ratio"),
        ({"rotation": np.nan}, "augment.rotation"),
        ({"hue": 0.6}, "augment.hue=0.6"),
    ],
)
def test_settings_that_cannot_work_say_so(settings, message):
    with pytest.raises(ValueError, match=message):
        Augment(**settings)


@pytest.mark.parametrize("share", [(0.95, 1.0), (0.8, 1.0), (0.1, 0.3)])
def test_a_resized_crop_keeps_the_share_that_it_says(share):
    """Also where its shape would not fit into the image: then the shape gives way."""
    matrix_B33 = Geometry(resized_crop=share)._crop(Draws(0, 0, torch.arange(20_000)))
    width_B, height_B = matrix_B33[:, 0, 0], matrix_B33[:, 1, 1]
    area_B = width_B * height_B
    assert share[0] - 1e-5 < float(area_B.min()) < share[0] + 0.01
    assert share[1] - 0.01 < float(area_B.max()) < share[1] + 1e-5
    assert float(torch.maximum(width_B, height_B).max()) <= 1 + 1e-5
