"""torchvision's own RandAugment is the reference of the operations, image by image."""

from collections import Counter

import pytest
import torch
from torchvision.transforms import v2

from facerec.data.formats.orl import ORLImages
from facerec.transforms import Augment, RandAugment
from facerec.transforms.light import turn_hue
from facerec.transforms.rand_augment import OPERATIONS
from facerec.transforms.randomness import Draws


@pytest.fixture(scope="module")
def faces():
    source = ORLImages("train")
    images = torch.stack([source.read(index) for index in range(16)])
    images[:, 1] = images[:, 1] // 2
    images[:, 2] = images[:, 2].flip(-1)
    return images


def torchvision_name(name: str) -> str:
    special = {"autocontrast": "AutoContrast"}
    return special.get(name, "".join(word.capitalize() for word in name.split("_")))


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("magnitude", [3, 9, 30])
def test_operations_are_torchvisions(name, magnitude, faces):
    reference = v2.RandAugment(interpolation=v2.InterpolationMode.BILINEAR)
    make, signed = reference._AUGMENTATION_SPACE[torchvision_name(name)]
    assert signed == OPERATIONS[name].signed
    strengths = make(31, 112, 92)
    theirs = 0.0 if strengths is None else float(strengths[magnitude])
    for sign in (1.0, -1.0) if signed else (1.0,):
        ours = OPERATIONS[name].apply(faces[:3], sign * magnitude / 30)
        for image, our in zip(faces, ours, strict=False):
            expected = reference._apply_image_or_video_transform(
                image, torchvision_name(name), sign * theirs, v2.InterpolationMode.BILINEAR, {torch.Tensor: None}
            )
            difference = (our.int() - expected.int()).abs().float()
            assert float(difference.max()) <= 1.0 or float(difference.mean()) < 1e-2


def test_the_list_is_complete():
    assert {torchvision_name(name) for name in OPERATIONS} == set(v2.RandAugment._AUGMENTATION_SPACE)


def test_a_batch_is_its_images_one_by_one(faces):
    settings = RandAugment(num_ops=3, magnitude=15)
    indices = torch.arange(500, 516)
    together = settings(faces, Draws(1, 2, indices))
    for place in range(16):
        alone = settings(faces[place : place + 1], Draws(1, 2, indices[place : place + 1]))
        torch.testing.assert_close(together[place], alone[0], atol=0, rtol=0)
    assert together.dtype == torch.uint8


def test_every_image_draws_its_own_operations():
    rounds = RandAugment(num_ops=2).chosen(Draws(0, 0, torch.arange(2800)))
    for names, strengths in rounds:
        counts = Counter(names)
        assert set(counts) == set(OPERATIONS)
        assert 140 < min(counts.values()) <= max(counts.values()) < 260
        signs = Counter(strength > 0 for name, strength in zip(names, strengths, strict=True) if name == "rotate")
        assert min(signs.values()) > 60
        assert all(strength > 0 for name, strength in zip(names, strengths, strict=True) if not OPERATIONS[name].signed)
    assert rounds[0] != rounds[1]


def test_it_comes_before_the_other_augmentations(faces):
    indices = torch.arange(16)
    both = Augment(rand_augment=RandAugment())(faces, 3, 4, indices)
    first = RandAugment()(faces, Draws(3, 4, indices))
    torch.testing.assert_close(both, Augment()(first, 3, 4, indices), atol=0, rtol=0)


@pytest.mark.parametrize("settings", [{"num_ops": 0}, {"magnitude": 31}, {"magnitude": -1}])
def test_settings_that_cannot_work_say_so(settings):
    with pytest.raises(ValueError, match="augment.rand_augment"):
        RandAugment(**settings)


def test_hue_is_torchvisions_image_by_image():
    images = torch.rand(8, 3, 20, 21, generator=torch.Generator().manual_seed(0))
    images[0, :, 0, 0] = 0.4  # grey
    turns = torch.tensor([-0.5, -0.31, -0.1, 0.0, 0.05, 0.2, 0.44, 0.5])
    ours = turn_hue(images, turns)
    for image, turn, our in zip(images, turns, ours, strict=True):
        torch.testing.assert_close(our, v2.functional.adjust_hue(image, float(turn)), atol=1e-4, rtol=0)


def test_hue_draws_for_each_image_and_leaves_grey_alone(faces):
    augment = Augment(horizontal_flip=0.0, hue=0.3)
    many = faces[:1].expand(12, -1, -1, -1)
    assert len(torch.unique(augment(many, 0, 0, torch.arange(12)).flatten(1), dim=0)) == 12
    gray = many[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(augment(gray, 0, 0, torch.arange(12)), gray.float() / 255)
