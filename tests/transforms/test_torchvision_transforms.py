"""torchvision's transforms under seeds of ours: the reference is each of them alone, under the same seed."""

# ruff: noqa: NPY002  # the global generator of NumPy is what a transform may draw from

import random

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from facerec.data.formats.orl import ORLImages
from facerec.transforms import TorchvisionTransforms
from facerec.transforms.preprocess import resize
from facerec.transforms.randomness import Draws

INDICES = torch.arange(300, 312)
LIST = (
    v2.RandomHorizontalFlip(p=0.5),
    v2.ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05),
    v2.RandomApply([v2.GaussianBlur(5)], p=0.5),
    v2.RandomRotation(10),
    v2.Pad(6),
    v2.RandomCrop((40, 32)),
)
SIZE = r"\(3, 40, 32\)"


@pytest.fixture(scope="module")
def faces():
    source = ORLImages("train")
    return resize(torch.stack([source.read(index) for index in range(12)]), (40, 32))


class Noisy(v2.Transform):
    """Draws from three generators, as a transform of one's own may."""

    def transform(self, inpt, params):
        shift = random.randint(0, 40) + np.random.randint(0, 40) + int(torch.randint(0, 40, ()))
        return (inpt.int() + shift).clamp(0, 255).to(torch.uint8)


def test_each_image_is_what_torchvision_makes_of_it_under_its_seed(faces):
    ours = TorchvisionTransforms(LIST)(faces, 3, 5, INDICES)
    seeds = Draws(3, 5, INDICES).seeds("torchvision").tolist()
    for image, our, seed in zip(faces, ours, seeds, strict=True):
        torch.manual_seed(seed)
        assert torch.equal(our, v2.Compose(LIST)(image))
    assert ours.dtype == torch.uint8


@pytest.mark.parametrize("transforms", [LIST, (Noisy(),)], ids=["torchvision's", "one's own"])
def test_an_image_depends_on_seed_epoch_and_index_alone(faces, transforms):
    many = TorchvisionTransforms(transforms)
    whole = many(faces, 3, 5, INDICES)
    order = torch.tensor([4, 0, 11, 2])
    torch.rand(7), random.random(), np.random.rand()
    assert torch.equal(many(faces[order], 3, 5, INDICES[order]), whole[order])
    for seed, epoch, shift in ((4, 5, 0), (3, 6, 0), (3, 5, 100)):
        other = many(faces, seed, epoch, INDICES + shift)
        assert sum(not torch.equal(one, another) for one, another in zip(other, whole, strict=True)) > 9


def test_seeds_are_apart():
    seeds = [Draws(seed, epoch, torch.arange(2000)).seeds(name) for seed in (0, 1) for epoch in (0, 1) for name in "ab"]
    seeds_N = torch.cat(seeds)
    assert len(torch.unique(seeds_N)) == len(seeds_N) == 16_000
    assert int(seeds_N.min()) >= 0
    assert len(torch.unique(seeds_N % 2**32)) > 15_990  # torch and NumPy take 32 bits


def test_draws_have_their_probabilities(faces):
    flip = TorchvisionTransforms([v2.RandomHorizontalFlip(p=0.3)])
    many = faces[:1, :, ::4, ::4].expand(2000, -1, -1, -1)
    flipped = (flip(many, 0, 0, torch.arange(2000)) != many).flatten(1).any(1)
    assert float(flipped.float().mean()) == pytest.approx(0.3, abs=0.04)  # 4 standard deviations


def test_the_generators_of_the_program_and_the_images_stay_as_they_were(faces):
    before, untouched = faces.clone(), []
    for transforms in ([], [Noisy(), v2.RandomErasing(p=1, inplace=True)]):
        torch.manual_seed(1), random.seed(2), np.random.seed(3)
        TorchvisionTransforms(transforms)(faces, 0, 0, INDICES)
        untouched.append((torch.rand(3).tolist(), random.random(), np.random.rand()))
    assert untouched[0] == untouched[1]
    assert torch.equal(faces, before)


def test_type_and_size_may_differ_in_between(faces):
    noise = [v2.ToDtype(torch.float32, scale=True), v2.GaussianNoise(sigma=0.05), v2.ToDtype(torch.uint8, scale=True)]
    out = TorchvisionTransforms(noise)(faces, 0, 0, INDICES)
    assert out.dtype == torch.uint8
    inside = (faces > 40) & (faces < 215)  # the noise is cut off at the ends
    assert float((out.float() - faces.float())[inside].std()) == pytest.approx(0.05 * 255, rel=0.02)
    assert TorchvisionTransforms([v2.ToImage()])(faces, 0, 0, INDICES).__class__ is torch.Tensor


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ([v2.Identity(), v2.Resize((9, 9))], rf"\[1\]=Resize\(.*turns uint8 {SIZE} into uint8 \(3, 9, 9\)"),
        ([v2.Resize((9, 9))], rf"\[0\]=Resize\(.*, and training takes uint8 {SIZE}.*model.image_size is the size"),
        ([v2.Pad(2), v2.Identity()], r"\[0\]=Pad\(.*into uint8 \(3, 44, 36\)"),
        ([v2.ToDtype(torch.float32)], rf"\[0\]=ToDtype\(.*into float32 {SIZE}.*model.image_mean"),
        ([v2.Grayscale(1)], r"\[0\]=Grayscale\(.*into uint8 \(1, 40, 32\)"),
        ([v2.FiveCrop(9)], rf"\[0\]=FiveCrop\(.*turns uint8 {SIZE} into a tuple"),
        ([v2.Normalize([0.5], [0.5])], rf"\[0\]=Normalize\(.*fails on uint8 {SIZE}: .*model.image_mean"),
        ([v2.MixUp(num_classes=4)], r"\[0\]=MixUp\(.*fails on .*data.mix mixes images"),
        ([v2.RandomCrop(200)], r"\[0\]=RandomCrop\(.*fails on .*larger than input"),
    ],
)
def test_what_cannot_be_trained_on_is_named_with_the_way_out(transforms, message):
    with pytest.raises(ValueError, match=rf"data.transforms{message}"):
        TorchvisionTransforms(transforms).require_usable((40, 32))


def test_an_error_leaves_the_generators_as_they_were():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with pytest.raises(ValueError, match="FiveCrop"):
        TorchvisionTransforms([v2.FiveCrop(9)]).require_usable((40, 32))
    assert torch.equal(torch.rand(3), expected)


def test_no_images_are_fine(faces):
    assert TorchvisionTransforms(LIST)(faces[:0], 0, 0, INDICES[:0]).shape == (0, 3, 40, 32)
