"""torchvision's own RandAugment is the reference of the operations, image by image."""

import random
from collections import Counter

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp, kstest, norm
from torchvision.transforms import v2

from facerec.data.formats.orl import ORLImages
from facerec.transforms import Augment, RandAugment
from facerec.transforms.light import turn_hue
from facerec.transforms.operations import OPERATIONS, apply
from facerec.transforms.randomness import Draws


@pytest.fixture(scope="module")
def faces():
    source = ORLImages("train")
    images = torch.stack([source.read(index) for index in range(16)])
    images[:, 1] = images[:, 1] // 2
    images[:, 2] = images[:, 2].flip(-1)
    return images


NAMES = np.array(list(OPERATIONS))


def changed(settings, images, draws):
    return settings(images, settings.draw(draws, *images.shape[-2:]))


def one_operation(name, images, share_B):
    """Images after one operation, each with its own strength."""
    groups = {other: share_B if other == name else share_B[:0] for other in OPERATIONS}
    out = images.clone()
    apply(out, {other: OPERATIONS[other].numbers(share, *images.shape[-2:]) for other, share in groups.items()})
    return out


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
    signs = torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)[: 4 if signed else 1]
    ours = one_operation(name, faces[: len(signs)], signs * magnitude / 30)
    for image, sign, our in zip(faces, signs.tolist(), ours, strict=False):
        expected = reference._apply_image_or_video_transform(
            image, torchvision_name(name), sign * theirs, v2.InterpolationMode.BILINEAR, {torch.Tensor: None}
        )
        difference = (our.int() - expected.int()).abs().float()
        assert float(difference.max()) <= 1.0 or float(difference.mean()) < 1e-2


def test_a_flat_channel_keeps_its_contrast_and_a_tiny_image_its_sharpness():
    flat = torch.full((1, 3, 4, 4), 77, dtype=torch.uint8)
    half = torch.full((1,), 0.5, dtype=torch.float64)
    assert torch.equal(one_operation("autocontrast", flat, half), flat)
    tiny = torch.arange(12, dtype=torch.uint8).reshape(1, 3, 2, 2) * 20
    assert torch.equal(one_operation("sharpness", tiny, half), tiny)


def test_every_image_comes_back_to_its_place(faces):
    """With no strength only some operations change an image."""
    settings, draws = RandAugment(num_ops=1, magnitude=0), Draws(0, 0, torch.arange(300))
    images = faces[torch.arange(300) % 16]
    [(picks, _)] = settings.chosen(draws)
    most_B = (changed(settings, images, draws).int() - images.int()).abs().flatten(1).amax(1)
    names = NAMES[picks]
    same = ~np.isin(names, ["solarize", "autocontrast", "equalize"])  # the first inverts what is 255
    assert int(most_B[same].max()) <= 1
    assert int(most_B[names == "equalize"].min()) > 1
    assert (names == "equalize").sum() > 10


def test_the_list_is_complete():
    assert {torchvision_name(name) for name in OPERATIONS} == set(v2.RandAugment._AUGMENTATION_SPACE)


def test_a_batch_is_its_images_one_by_one(faces):
    settings = RandAugment(num_ops=3, magnitude=15)
    indices = torch.arange(500, 516)
    together = changed(settings, faces, Draws(1, 2, indices))
    for place in range(16):
        alone = changed(settings, faces[place : place + 1], Draws(1, 2, indices[place : place + 1]))
        torch.testing.assert_close(together[place], alone[0], atol=0, rtol=0)
    assert together.dtype == torch.uint8


def test_every_image_draws_its_own_operations():
    rounds = RandAugment(num_ops=2).chosen(Draws(0, 0, torch.arange(2800)))
    for picks, shares in rounds:
        names, strengths = NAMES[picks], shares.tolist()
        counts = Counter(names.tolist())
        assert set(counts) == set(OPERATIONS)
        assert 140 < min(counts.values()) <= max(counts.values()) < 260
        signs = Counter(strength > 0 for name, strength in zip(names, strengths, strict=True) if name == "rotate")
        assert min(signs.values()) > 60
        assert all(strength > 0 for name, strength in zip(names, strengths, strict=True) if not OPERATIONS[name].signed)
    assert not torch.equal(rounds[0][0], rounds[1][0])


def strengths(settings: RandAugment, seed: int, epoch: int, count: int) -> np.ndarray:
    """Unsigned strengths of each round (R, N), on the scale of the magnitudes."""
    rounds = settings.chosen(Draws(seed, epoch, torch.arange(count)))
    return torch.stack([strengths for _, strengths in rounds]).abs().numpy() * 30


def test_the_spread_is_normal_and_each_round_has_its_own():
    drawn = strengths(RandAugment(magnitude=15, magnitude_std=2.0), 0, 0, 20_000)
    for round_ in drawn:
        assert kstest(round_, norm(15, 2).cdf).pvalue > 1e-3
    others = [strengths(RandAugment(magnitude=15, magnitude_std=2.0), seed, epoch, 20_000)[0] for seed, epoch in
              ((1, 0), (0, 1))]  # fmt: skip
    for other in (drawn[1], *others):
        assert abs(np.corrcoef(drawn[0], other)[0, 1]) < 0.03
    names = NAMES[RandAugment(magnitude_std=2.0).chosen(Draws(0, 0, torch.arange(20_000)))[0][0]]
    means = [drawn[0][names == name].mean() for name in OPERATIONS]
    assert max(means) - min(means) < 0.35  # of 1,400 images each: 5 standard errors of a difference


def test_the_spread_ends_at_the_ends_of_the_scale_as_timms():
    """timm draws a normal number for each operation and cuts it off at 0 and 10, which are 0 and 30 here."""
    drawn = strengths(RandAugment(magnitude=27, magnitude_std=6.0), 0, 0, 20_000).ravel()
    generator = random.Random(0)
    timms = [3.0 * max(0.0, min(generator.gauss(9.0, 2.0), 10.0)) for _ in range(40_000)]
    assert drawn.max() == 30.0
    assert np.mean(drawn == 30.0) == pytest.approx(np.mean(np.array(timms) == 30.0), abs=0.015)
    assert ks_2samp(drawn, timms).statistic < 0.02


def test_operations_and_signs_do_not_depend_on_the_spread():
    draws = Draws(4, 2, torch.arange(500))
    for (picks, alike), (other_picks, spread) in zip(
        RandAugment().chosen(draws), RandAugment(magnitude_std=1.5).chosen(draws), strict=True
    ):
        assert torch.equal(picks, other_picks)
        assert torch.equal(alike > 0, spread > 0)
        assert set(alike.abs().tolist()) == {0.3}
        assert len(set(spread.abs().tolist())) > 490


def test_with_a_spread_too_a_batch_is_its_images_one_by_one(faces):
    settings = RandAugment(num_ops=2, magnitude=20, magnitude_std=5.0)
    indices = torch.arange(500, 516)
    together = changed(settings, faces, Draws(1, 2, indices))
    for place in range(16):
        alone = changed(settings, faces[place : place + 1], Draws(1, 2, indices[place : place + 1]))
        torch.testing.assert_close(together[place], alone[0], atol=0, rtol=0)
    assert not torch.equal(together, changed(RandAugment(num_ops=2, magnitude=20), faces, Draws(1, 2, indices)))


def test_it_comes_before_the_other_augmentations(faces):
    indices = torch.arange(16)
    both = Augment(rand_augment=RandAugment())(faces, 3, 4, indices)
    first = changed(RandAugment(), faces, Draws(3, 4, indices))
    torch.testing.assert_close(both, Augment()(first, 3, 4, indices), atol=0, rtol=0)


@pytest.mark.parametrize("settings", [{"num_ops": 0}, {"magnitude": 31}, {"magnitude": -1}, {"magnitude_std": -0.5}])
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
