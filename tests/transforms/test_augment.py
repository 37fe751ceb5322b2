import numpy as np
import pytest
import torch

from facerec.data.samples import ORLImages
from facerec.transforms import Augment, Preprocess
from facerec.transforms.augment import gaussian_blur
from facerec.transforms.preprocess import resize
from facerec.transforms.randomness import Draws

EVERYTHING = Augment(
    rotation=15.0,
    scale=(0.8, 1.2),
    stretch=0.1,
    translate=0.1,
    brightness=0.3,
    contrast=0.3,
    gamma=0.5,
    saturation=0.5,
    light_gradient=0.5,
    grayscale=0.3,
    blur=0.5,
    noise=0.05,
    erasing=0.5,
)


@pytest.fixture(scope="module")
def faces():
    source = ORLImages("train")
    return torch.stack([source.read(index) for index in range(16)])


def splitmix64(state: int) -> int:
    """The published generator, in Python integers."""
    mask = (1 << 64) - 1
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & mask
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & mask
    return state ^ (state >> 31)


def test_mixing_is_splitmix64():
    from facerec.transforms.randomness import _mix

    numbers = [0, 1, 12345, 2**62, -1, -(2**63)]
    mixed = _mix(torch.tensor(numbers, dtype=torch.int64))
    assert [int(m) % 2**64 for m in mixed] == [splitmix64(n % 2**64) for n in numbers]


def test_draws_are_uniform_and_unrelated():
    draws = Draws(0, 0, torch.arange(200_000))
    a, b = draws.uniform("a"), draws.uniform("b")
    assert float(a.min()) >= 0.0
    assert float(a.max()) < 1.0
    histogram = torch.histc(a, 20, 0, 1) / len(a)
    assert float((histogram - 0.05).abs().max()) < 0.003
    for other in (b, Draws(0, 1, torch.arange(200_000)).uniform("a"), Draws(1, 0, torch.arange(200_000)).uniform("a")):
        assert abs(float(np.corrcoef(a, other)[0, 1])) < 0.01
    assert abs(float(np.corrcoef(a[1:], a[:-1])[0, 1])) < 0.01


def test_augmentation_is_a_function_of_seed_epoch_and_index(faces):
    indices = torch.arange(16)
    whole = EVERYTHING(faces, 3, 5, indices)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    torch.rand(7)  # the global generator does not matter
    torch.testing.assert_close(EVERYTHING(faces[order], 3, 5, indices[order]), whole[order], atol=1e-5, rtol=0)
    torch.testing.assert_close(EVERYTHING(faces[4:6], 3, 5, indices[4:6]), whole[4:6], atol=1e-5, rtol=0)
    for seed, epoch, shift in ((4, 5, 0), (3, 6, 0), (3, 5, 100)):
        assert not torch.allclose(EVERYTHING(faces, seed, epoch, indices + shift), whole, atol=0.05)


def test_each_image_has_its_own_draw(faces):
    same_face = faces[:1].expand(64, -1, -1, -1)
    flipped = Augment(horizontal_flip=0.5)(same_face, 0, 0, torch.arange(64))
    mirrored = (flipped == (same_face[:1].float() / 255).flip(-1)).flatten(1).all(1)
    assert 16 < int(mirrored.sum()) < 48
    unique = torch.unique(EVERYTHING(same_face, 0, 0, torch.arange(64)).flatten(1), dim=0)
    assert len(unique) == 64


def test_output_range_type_and_identity(faces):
    out = EVERYTHING(faces, 0, 0, torch.arange(16))
    assert out.dtype == torch.float32
    assert out.shape == faces.shape
    assert float(out.min()) >= 0.0
    assert float(out.max()) <= 1.0
    untouched = Augment(horizontal_flip=0.0)(faces, 0, 0, torch.arange(16))
    torch.testing.assert_close(untouched, faces.float() / 255)


def test_geometry_against_pillow():
    """Turning by a known angle moves the pixels as Pillow moves them, inside the image."""
    from PIL import Image

    image = torch.zeros(1, 3, 65, 65, dtype=torch.uint8)
    image[..., 20:30, 35:50] = 255
    augment = Augment(horizontal_flip=0.0, rotation=30.0)
    angle = float(Draws(0, 0, torch.tensor([7])).uniform("rotation", -30.0, 30.0))
    ours = augment(image, 0, 0, torch.tensor([7]))[0, 0]
    pillow = Image.fromarray(image[0, 0].numpy()).rotate(angle, Image.Resampling.BILINEAR)
    assert abs(angle) > 3
    difference = (ours - torch.from_numpy(np.array(pillow)).float() / 255).abs()
    assert float(difference[10:-10, 10:-10].mean()) < 0.01


def test_blur_against_direct_convolution():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 12, 13, generator=generator)
    sigma = torch.tensor([0.5, 1.3])
    for image, s, ours in zip(images, sigma, gaussian_blur(images, sigma), strict=True):
        padded = np.pad(image.numpy(), ((0, 0), (3, 3), (3, 3)), mode="edge")
        kernel = np.exp(-0.5 * (np.arange(-3, 4) / float(s)) ** 2)
        kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
        slow = sum(kernel[i, j] * padded[:, i : i + 12, j : j + 13] for i in range(7) for j in range(7))
        np.testing.assert_allclose(ours.numpy(), slow, atol=1e-5)


def test_erasing_covers_what_it_says(faces):
    augment = Augment(horizontal_flip=0.0, erasing=1.0)
    many = faces[:1].expand(256, -1, -1, -1)
    changed = (augment(many, 0, 0, torch.arange(256)) != many.float() / 255).any(1).float().mean((1, 2))
    assert 0.04 < float(changed.mean()) < 0.2
    assert float(changed.max()) <= 0.21


@pytest.mark.parametrize(
    ("setting", "value"),
    [("horizontal_flip", 1.5), ("erasing", -0.1), ("rotation", -3.0), ("noise", -1.0), ("scale", (1.2, 0.8))],
)
def test_bad_settings_name_themselves(setting, value):
    with pytest.raises(ValueError, match=f"augment.{setting}"):
        Augment(**{setting: value})


def test_preprocess_normalises_resizes_and_takes_both_kinds(faces):
    preprocess = Preprocess((112, 112))
    out = preprocess(faces)
    assert out.shape == (16, 3, 112, 112)
    torch.testing.assert_close(preprocess(faces[:, :, :, :]), out)
    exact = Preprocess((112, 92))
    torch.testing.assert_close(exact(faces), exact(faces.float() / 255), atol=1e-6, rtol=0)
    torch.testing.assert_close(exact(faces), faces.float() / 127.5 - 1.0, atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="image size"):
        Preprocess((0, 112))


def test_resize_keeps_uint8_and_leaves_the_right_size_alone(faces):
    assert resize(faces, (112, 92)) is faces
    small = resize(faces, (56, 46))
    assert small.dtype == torch.uint8
    assert abs(float(small.float().mean() - faces.float().mean())) < 1.0
