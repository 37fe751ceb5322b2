import zlib

import numpy as np
import pytest
import torch

from facerec.data.formats.orl import ORLImages
from facerec.transforms import Augment, Preprocess, RandAugment
from facerec.transforms.degradation import gaussian_blur
from facerec.transforms.preprocess import resize
from facerec.transforms.randomness import Draws

EVERYTHING = Augment(
    vertical_flip=0.1,
    perspective=0.2,
    resized_crop=(0.7, 1.0),
    hue=0.1,
    rand_augment=RandAugment(),
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


def test_draws_are_the_published_generator_however_many_are_hashed_at_once():
    golden, names = 0x9E3779B97F4A7C15, tuple(f"name_{number}" for number in range(40))
    for seed, epoch, index in ((0, 0, 0), (7, 3, 123_456), (2**63, 299, 2**40)):
        run = splitmix64((seed + golden) % 2**64)
        image = splitmix64((splitmix64((run + epoch * golden) % 2**64) + index * golden) % 2**64)
        expected = [splitmix64((image + zlib.crc32(name.encode()) * golden) % 2**64) >> 40 for name in names]
        indices = torch.tensor([5, index, 9])
        at_once, one_by_one = Draws(seed, epoch, indices, names), Draws(seed, epoch, indices)
        for draws in (at_once[1:2], Draws(seed, epoch, indices, names[::-1])[1:], one_by_one[1:2]):
            assert [float(draws.uniform(name)[0]) * 2**24 for name in names] == expected


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
    mirrored = (flipped == same_face[:1].flip(-1)).flatten(1).all(1)
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
    torch.testing.assert_close(untouched, faces, rtol=0, atol=0)


def test_flips_stay_bytes_and_show_the_model_the_same_pixels(faces):
    """A setting too weak to see makes the pixels floats; the flips drawn, and what the backbone gets, stay the same."""
    flips, floats = Augment(vertical_flip=0.3), Augment(vertical_flip=0.3, brightness=1e-12)
    assert flips.keeps_bytes
    assert not floats.keeps_bytes
    indices, preprocess = torch.arange(16), Preprocess((112, 92))
    as_bytes, as_floats = flips(faces, 0, 0, indices), floats(faces, 0, 0, indices)
    assert as_bytes.dtype == torch.uint8
    assert as_floats.dtype == torch.float32
    torch.testing.assert_close(preprocess(as_bytes), preprocess(as_floats), atol=1e-6, rtol=0)


@pytest.mark.parametrize("setting", ["rotation", "noise", "blur", "erasing", "gamma", "hue", "light_gradient"])
def test_every_other_setting_makes_floats(faces, setting):
    augment = Augment(**{setting: 0.1})
    assert not augment.keeps_bytes
    assert augment(faces[:2], 0, 0, torch.arange(2)).dtype == torch.float32


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


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 16])
def test_preprocess_does_not_show_its_chunks(faces, count):
    images = faces.contiguous(memory_format=torch.channels_last)[:count]
    out = Preprocess((112, 92), mean=0.4, std=0.2)(images)
    torch.testing.assert_close(out, (images / 255.0 - 0.4) / 0.2, atol=2e-6, rtol=0)
    assert out.is_contiguous(memory_format=torch.channels_last) or not count


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


MEAN, STD = (0.6, 0.45, 0.4), (0.25, 0.22, 0.2)


@pytest.mark.parametrize("as_list", [tuple, list])
def test_each_channel_has_its_own_scale(faces, as_list):
    colours = torch.stack([faces[:, 0], faces[:, 1].flip(-1), 255 - faces[:, 2]], 1)
    expected = (colours.double() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    preprocess = Preprocess((112, 92), as_list(MEAN), as_list(STD))
    for images in (colours, colours / 255.0, colours.contiguous(memory_format=torch.channels_last)):
        out = preprocess(images)
        assert out.dtype == torch.float32
        torch.testing.assert_close(out.double(), expected.double(), atol=3e-6, rtol=0)
    assert preprocess(colours.contiguous(memory_format=torch.channels_last)).is_contiguous(
        memory_format=torch.channels_last
    )
    assert not preprocess.state_dict()


def test_one_number_may_stand_beside_three(faces):
    mixed, written_out = Preprocess((112, 92), MEAN, 0.5), Preprocess((112, 92), MEAN, (0.5, 0.5, 0.5))
    torch.testing.assert_close(mixed(faces), written_out(faces), atol=0, rtol=0)
    once, thrice = Preprocess((112, 92), 0.4, 0.2), Preprocess((112, 92), (0.4,) * 3, (0.2,) * 3)
    torch.testing.assert_close(once(faces), thrice(faces), atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"std": 0.0}, r"model.image_std=0.0: must be positive"),
        ({"std": (0.5, 0.5, -0.1)}, r"model.image_std=-0.1: must be positive"),
        ({"mean": 127.5}, r"model.image_mean=127.5: must be in \[0, 1\]"),
        ({"mean": (0.5, float("nan"), 0.5)}, r"model.image_mean=nan"),
        ({"mean": (0.5, 0.4)}, r"model.image_mean=\(0.5, 0.4\): give one number, or three for R, G and B"),
    ],
)
def test_a_scale_that_cannot_be_names_its_setting(settings, message):
    with pytest.raises(ValueError, match=message):
        Preprocess((8, 8), **settings)


def test_resize_keeps_uint8_and_leaves_the_right_size_alone(faces):
    assert resize(faces, (112, 92)) is faces
    small = resize(faces, (56, 46))
    assert small.dtype == torch.uint8
    assert abs(float(small.float().mean() - faces.float().mean())) < 1.0


LFW = {
    "rotation": 10.0, "scale": (0.9, 1.2), "stretch": 0.05, "translate": 0.06, "brightness": 0.25, "contrast": 0.25,
    "gamma": 0.2, "saturation": 0.3, "light_gradient": 0.15, "grayscale": 0.15, "blur": 0.1, "noise": 0.01,
    "erasing": 0.4,
}  # fmt: skip
ORL = {
    "rotation": 12.0, "scale": (0.9, 1.2), "stretch": 0.1, "translate": 0.06, "brightness": 0.3, "contrast": 0.3,
    "gamma": 0.5, "light_gradient": 0.5, "blur": 0.2, "noise": 0.03, "erasing": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "first", "eighth"),
    [
        (
            {},
            [0.4615, 0.5285, 0.4498, 0.5246, 0.5459, 0.5104, 0.4820, 0.5446, 0.4684],
            [0.4777, 0.5763, 0.4635, 0.5361, 0.5449, 0.4890, 0.4819, 0.5213, 0.4246],
        ),
        (
            ORL,
            [0.3624, 0.3713, 0.2716, 0.3905, 0.3729, 0.3283, 0.4068, 0.3796, 0.3333],
            [0.4917, 0.6968, 0.6643, 0.4267, 0.5365, 0.5703, 0.2794, 0.3772, 0.4033],
        ),
        (
            LFW,
            [0.4213, 0.4470, 0.3479, 0.4434, 0.4403, 0.4091, 0.4454, 0.4417, 0.3937],
            [0.4799, 0.6256, 0.5471, 0.5133, 0.5623, 0.5307, 0.4415, 0.4905, 0.4323],
        ),
    ],
    ids=["default", "orl", "lfw"],
)
def test_the_draws_behind_published_numbers_stay_what_they_were(settings, first, eighth, faces):
    """Mean grey of nine fields of two images, written down before new settings came; a new name must not move them."""
    images = torch.stack([faces[:, 0], faces[:, 1].flip(-1), 255 - faces[:, 2]], 1)
    out = Augment(**settings)(images, 3, 5, torch.arange(100, 116))
    out = out if out.is_floating_point() else out / 255.0
    fields = torch.nn.functional.adaptive_avg_pool2d(out.mean(1)[[0, 7]], (3, 3)).flatten(1)
    torch.testing.assert_close(fields, torch.tensor([first, eighth]), atol=5e-3, rtol=0)  # noise averages out


def test_each_setting_alone_keeps_its_draws(faces):
    augment = Augment(rotation=10.0, resized_crop=(0.5, 0.8), resized_crop_ratio=(1.0, 1.0), noise=0.1)
    alone = augment.each_alone()
    assert list(alone) == ["horizontal_flip", "rotation", "resized_crop", "noise"]
    assert alone["resized_crop"].settings["resized_crop_ratio"] == (1.0, 1.0)
    indices = torch.arange(16)
    expected = Augment(horizontal_flip=0.0, rotation=10.0)(faces, 1, 2, indices)
    torch.testing.assert_close(alone["rotation"](faces, 1, 2, indices), expected, atol=0, rtol=0)
    assert Augment(horizontal_flip=0.0).each_alone() == {}
