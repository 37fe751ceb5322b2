"""Each quick way of the augmentation gives what the plain way gives."""

import pytest
import torch
import torch.nn.functional as F

from facerec.transforms import Augment, augment, degradation
from facerec.transforms.degradation import normal_like
from facerec.transforms.geometry import affine_grid, mirror
from facerec.transforms.light import LUMA
from facerec.transforms.randomness import Draws

BATCH = 70  # three chunks, the last one smaller


@pytest.fixture(scope="module")
def images():
    return torch.randint(0, 256, (BATCH, 3, 20, 17), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_grid_is_that_of_torch():
    matrix = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1))
    expected = F.affine_grid(matrix, [5, 3, 31, 18], align_corners=False)
    torch.testing.assert_close(affine_grid(matrix, 31, 18), expected, atol=1e-5, rtol=0)


def test_mirror_turns_those_it_is_told_to(images):
    chosen = torch.arange(BATCH) % 3 == 0
    mirrored = mirror(images, chosen, -1)
    assert torch.equal(mirrored[chosen], images[chosen].flip(-1))
    assert torch.equal(mirrored[~chosen], images[~chosen])


def test_one_matrix_is_saturation_then_contrast_then_brightness(images):
    settings = {"saturation": 0.5, "contrast": 0.4, "brightness": 0.3, "grayscale": 0.3}
    indices = torch.arange(BATCH)
    ours = Augment(horizontal_flip=0.0, **settings)(images, 2, 1, indices)
    draws = Draws(2, 1, indices)
    factor = {name: draws.uniform(name, 1 - s, 1 + s)[:, None, None, None] for name, s in settings.items()}
    pixels = images.float() / 255
    gray = (pixels * torch.tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    keep = factor["saturation"].masked_fill(draws.happens("grayscale", 0.3)[:, None, None, None], 0.0)
    pixels = gray + keep * (pixels - gray)
    mean = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (mean + factor["contrast"] * (pixels - mean)) * factor["brightness"]
    torch.testing.assert_close(ours, pixels.clamp(0, 1), atol=2e-6, rtol=0)


@pytest.mark.parametrize("setting", ["blur", "erasing", "noise", "gamma", "rotation"])
def test_chunks_and_images_passed_over_change_nothing(images, monkeypatch, setting):
    transform = Augment(**{setting: 0.4})
    in_chunks = transform(images, 0, 0, torch.arange(BATCH))
    monkeypatch.setattr(augment, "CPU_CHUNK", BATCH)
    monkeypatch.setattr(degradation, "drawn", lambda chosen: slice(None))  # as on a GPU
    torch.testing.assert_close(transform(images, 0, 0, torch.arange(BATCH)), in_chunks, atol=1e-6, rtol=0)


def test_nothing_drawn_and_no_images_are_fine(images):
    rare = Augment(horizontal_flip=0.0, blur=1e-9, erasing=1e-9)
    torch.testing.assert_close(rare(images, 0, 0, torch.arange(BATCH)), images.float() / 255)
    assert rare(images[:0], 0, 0, torch.arange(0)).shape == (0, 3, 20, 17)


def test_noise_is_standard_normal_and_white():
    noise = normal_like(torch.empty(20, 3, 101, 103), Draws(0, 0, torch.arange(20)).starts("noise_pixels"))
    assert noise.shape == (20, 1, 101, 103)
    flat = noise.flatten(1)
    assert float(flat.mean().abs()) < 0.01
    assert abs(float(flat.std()) - 1.0) < 0.01
    inside = [float((flat.abs() < sigmas).float().mean()) for sigmas in (1, 2, 3)]
    assert inside == pytest.approx([0.6827, 0.9545, 0.9973], abs=0.003)
    half = flat.shape[1] // 2 + 1
    pairs = [(flat[:, 1:], flat[:, :-1]), (flat[:, half:], flat[:, : flat.shape[1] - half]), (flat[1:], flat[:-1])]
    assert all(abs(float((a * b).mean())) < 0.01 for a, b in pairs)


@pytest.mark.parametrize("setting", ["brightness", "contrast", "saturation"])
def test_a_strength_above_one_turns_no_image_into_its_negative(images, setting):
    """As in torchvision: the factor stops at 0."""
    for epoch in range(4):
        changed = Augment(horizontal_flip=0.0, **{setting: 2.0})(images, 0, epoch, torch.arange(BATCH))
        after, before = (x.float().flatten(1) - x.float().mean((1, 2, 3))[:, None] for x in (changed, images))
        assert ((after * before).sum(1) >= -1e-2).all()
