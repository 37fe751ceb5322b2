"""What augmentation asks of a GPU: few launches, one copy a batch, and no wait. It compiles to one graph."""

from pathlib import Path

import pytest
import torch
import yaml
from torch._dynamo.utils import counters

from facerec import compilation
from facerec.data import FaceDataModule
from facerec.data.views import augmented, augmented_with_shallow
from facerec.transforms import Augment, Mix, RandAugment
from facerec.transforms.randomness import Draws, pack, unpack
from tests.launches import DEVICE, Launches

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
BATCH, PEOPLE = 64, 1000
SETTINGS = {
    "horizontal_flip": 0.5, "vertical_flip": 0.1, "rotation": 10.0, "scale": (0.9, 1.1), "stretch": 0.1,
    "translate": 0.05, "perspective": 0.1, "resized_crop": (0.8, 1.0), "brightness": 0.2, "contrast": 0.2, "gamma": 0.2,
    "saturation": 0.2, "hue": 0.02, "light_gradient": 0.2, "grayscale": 0.05, "blur": 0.05, "noise": 0.05,
    "erasing": 0.1,
}  # fmt: skip
RAND_AUGMENT = {"rand_augment": RandAugment(magnitude_std=1.5)}


def of_experiment(name):
    return yaml.safe_load((EXPERIMENTS / f"{name}.yaml").read_text())["data"]["augment"]


def images_on(device, size=(112, 112)):
    images = torch.randint(0, 256, (BATCH, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return images.to(device)


def counted(work):
    with Launches() as launches:
        work()
    return launches


@pytest.mark.parametrize(
    ("augment", "most"),
    [
        (Augment(), 4),
        (Augment(**of_experiment("resnet34_arcface")), 60),
        (Augment(**of_experiment("orl_resnet18_arcface")), 100),
        (Augment(**SETTINGS), 140),
        (Augment(rand_augment=RandAugment()), 150),
        (Augment(**RAND_AUGMENT), 150),
        (Augment(**SETTINGS, **RAND_AUGMENT), 290),
    ],
    ids=["default", "resnet34_arcface", "orl_resnet18_arcface", "all", "rand_augment", "with a spread", "everything"],
)
def test_launches_of_augmentation(augment, most):
    images = images_on(DEVICE)
    launches = counted(lambda: augment(images, 0, 0, torch.arange(BATCH)))
    assert 0 < launches.total <= most
    assert not launches.waits
    assert launches.copies.total() == 1


@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_waits(name):
    augment, images = Augment(**{"horizontal_flip": 0.0, name: SETTINGS[name]}), images_on(DEVICE)
    launches = counted(lambda: augment(images, 0, 0, torch.arange(BATCH)))
    assert not launches.waits
    assert launches.copies.total() == 1


@pytest.mark.parametrize("mix", [Mix(mixup=0.2), Mix(cutmix=1.0), Mix(mixup=0.8, cutmix=1.0)])
def test_launches_of_mixing(mix):
    images, labels = images_on(DEVICE), torch.zeros(BATCH, dtype=torch.int64, device=DEVICE)
    launches = counted(lambda: mix(images, labels, PEOPLE, 0, 0, torch.arange(BATCH)))
    assert 0 < launches.total <= 40
    assert not launches.waits
    assert launches.copies.total() == 1


def test_indices_on_the_device_would_wait():
    """So the loop of training keeps them on the CPU, which the next test holds."""
    images = images_on(DEVICE)
    launches = counted(lambda: Augment()(images, 0, 0, torch.arange(BATCH, device=DEVICE)))
    assert launches.waits.total() == 1


def test_a_training_batch_goes_to_the_device_and_is_augmented_without_a_wait(vggface_root):
    data = FaceDataModule(root=str(vggface_root), image_size=(32, 32), batch_size=4, num_workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    launches = Launches()
    with launches:
        moved = data.transfer_batch_to_device(batch, DEVICE, 0)
        views = augmented(moved, Augment(**SETTINGS), Mix(mixup=0.2), 4, seeds=[0, 1], epoch=3)
        augmented_with_shallow(moved, 1, Augment(), [0], second_seed=7, epoch=3)
    assert (moved.images.device, moved.labels.device, moved.indices.device.type) == (DEVICE, DEVICE, "cpu")
    assert torch.equal(moved.indices, batch.indices)
    assert views.images.shape == (8, 3, 32, 32)
    assert not launches.waits
    assert launches.copies.total() == 2 + 4 + 3  # images and labels, and the draws of each view


@pytest.mark.parametrize("part", [
    Augment(**SETTINGS, **RAND_AUGMENT), Augment(), Augment(rotation=1.0), Augment(hue=0.1, erasing=0.1),
    Mix(mixup=0.8), Mix(cutmix=1.0), Mix(mixup=0.8, cutmix=1.0),
], ids=lambda part: str(getattr(part, "names", ""))[:40])  # fmt: skip
def test_all_draws_of_a_batch_are_one_hash(part, monkeypatch):
    draws = Draws(0, 0, torch.arange(BATCH), part.names)
    assert len(set(part.names)) == len(part.names)
    asked, uniform = set(), Draws.uniform

    def noted(self, name, low=0.0, high=1.0):
        asked.add(name)
        return uniform(self, name, low, high)

    monkeypatch.setattr(Draws, "uniform", noted)
    part.draw(draws, 112, 112)
    assert asked == set(part.names)


def test_numbers_of_all_types_are_packed_and_unpacked():
    numbers = {
        "flags": torch.arange(7) % 3 == 0,
        "matrix": torch.randn(7, 2, 3),
        "none": torch.zeros(0, 2, 3),
        "long": torch.arange(7) - 2**62,
        "bytes": torch.arange(5, dtype=torch.uint8),
        "column": torch.randn(7, 4)[:, 1],
    }
    out = unpack(pack(numbers), numbers)
    assert out.keys() == numbers.keys()
    for name, value in numbers.items():
        assert out[name].dtype == value.dtype
        assert torch.equal(out[name], value)


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [(SETTINGS, 1e-5), (RAND_AUGMENT, 0.0)],
    ids=["all", "rand_augment"],
)
def test_what_is_drawn_is_applied_in_one_graph(settings, tolerance):
    augment, images = Augment(**settings), images_on("cpu", (40, 32))
    numbers = augment.draw(Draws(1, 2, torch.arange(BATCH), augment.names), 40, 32)
    expected = augment.transform(images, numbers)
    torch._dynamo.reset()
    graph = torch.compile(augment.transform, fullgraph=True, backend="eager")
    torch.testing.assert_close(graph(images, numbers), expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize(
    ("settings", "graphs"), [(SETTINGS, 1), ({}, 1), (RAND_AUGMENT, 0)], ids=["all", "flips", "rand_augment"]
)
def test_compiled_augmentation_gives_the_same_pixels_from_one_graph(settings, graphs, monkeypatch):
    """The second batch, and the second block of a CPU, take the same graph: other draws do not compile again."""
    monkeypatch.setattr(compilation, "BACKEND", "aot_eager")  # C++ takes too long: benchmarks/compiled.py
    torch.compiler.reset()
    compilation.compiled.cache_clear()
    counters.clear()
    augment, plain, images = Augment(**settings), Augment(**settings), images_on("cpu", (40, 32))
    augment.is_compiled = True
    for epoch in range(2):
        ours, expected = (each(images, 0, epoch, torch.arange(BATCH)) for each in (augment, plain))
        assert ours.dtype == expected.dtype
        torch.testing.assert_close(ours, expected, atol=0.1 / 255 if ours.is_floating_point() else 0, rtol=0)
    assert counters["stats"]["unique_graphs"] == graphs
    compilation.compiled.cache_clear()
    torch.compiler.reset()
