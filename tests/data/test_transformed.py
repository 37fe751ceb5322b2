"""Training images after torchvision's transforms: the same with any number of workers, in any view, on any day."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from facerec import losses
from facerec.data import FaceDataModule
from facerec.transforms import Augment, TorchvisionTransforms

LIST = (v2.ColorJitter(brightness=0.5), v2.RandomAffine(10, translate=(0.1, 0.1)))
STRIDE = 1_000_003


def module(folder, workers=0, **settings):
    plain = {"val_pairs": {}, "batch_size": 4, "image_size": (24, 20), "transforms": LIST}
    data = FaceDataModule(train=folder, num_workers=workers, **plain | settings)
    data._train_dataset = data._checked_train_dataset()
    return data


def epochs(loader, *numbers):
    """Image, label and index of all batches of some epochs."""
    found = []
    for number in numbers:
        loader.sampler.set_epoch(number)
        found += list(loader)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_that_outlive_an_epoch_draw_as_the_training_process_does(folder, workers):
    alone, others = module(folder).train_dataloader(), module(folder, workers).train_dataloader()
    for one, other in zip(epochs(alone, 0, 1, 7), epochs(others, 0, 1, 7), strict=True):
        assert all(torch.equal(part, another) for part, another in zip(one, other, strict=True))


def test_a_batch_is_its_images_under_its_epoch(folder):
    data = module(folder, seed=3)
    for batch in epochs(data.train_dataloader(), 5):
        read = folder.read_batch(batch.indices.numpy(), (24, 20))
        assert torch.equal(batch.images, TorchvisionTransforms(LIST)(read, 3, 5, batch.indices))
        assert batch.labels.tolist() == folder.labels[batch.indices.numpy()].tolist()


def test_a_sample_is_transformed_as_the_training_images_of_the_epoch(folder):
    data = module(folder, seed=3)
    [batch] = data.sample_loader(np.array([9, 2, 5]), epoch=5)
    assert batch.indices.tolist() == [9, 2, 5]
    trained = {
        int(index): image for each in epochs(data.train_dataloader(), 5) for image, _, index in zip(*each, strict=True)
    }
    for image, index in zip(batch.images, batch.indices.tolist(), strict=True):
        assert torch.equal(image, trained[index])


def test_an_epoch_that_was_left_early_does_not_reach_into_the_next(folder):
    """Its workers have read ahead."""
    loader, fresh = module(folder, 2).train_dataloader(), module(folder).train_dataloader()
    loader.sampler.set_epoch(0)
    next(iter(loader))
    for one, other in zip(epochs(loader, 1), epochs(fresh, 1), strict=True):
        assert torch.equal(one.images, other.images)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_goes_on_within_an_epoch_and_into_the_next(folder, workers):
    whole, resumed = module(folder, workers).train_dataloader(), module(folder, workers).train_dataloader()
    resumed.load_state_dict({"batches": 2})
    for one, other in zip(epochs(resumed, 3, 4), epochs(whole, 3, 4)[2:], strict=True):
        assert torch.equal(one.images, other.images)


def on_device(data, batch, epoch):
    data.trainer = SimpleNamespace(
        training=True, current_epoch=epoch, lightning_module=torch.nn.Module(), world_size=1, global_rank=0
    )
    return data.on_after_batch_transfer(batch, 0)


def test_each_view_has_its_own_draw_and_comes_before_augmentation(folder):
    augment = Augment(rotation=10.0)
    data = module(folder, views=2, augment=augment)
    [batch, *_] = epochs(data.train_dataloader(), 2)
    assert (len(batch.images), len(batch.labels), len(batch.indices)) == (8, 4, 4)
    views = on_device(data, batch, 2)
    assert len(views.images) == len(views.labels) == len(views.indices) == 8
    read = folder.read_batch(batch.indices.numpy(), (24, 20))
    for view, seed in enumerate((0, STRIDE)):
        alone = augment(TorchvisionTransforms(LIST)(read, seed, 2, batch.indices), seed, 2, batch.indices)
        assert torch.equal(views.images[4 * view : 4 * view + 4], alone)
    first = module(folder, augment=augment)
    [batch, *_] = epochs(first.train_dataloader(), 2)
    assert torch.equal(on_device(first, batch, 2).images, views.images[:4])


def test_images_that_are_measured_are_as_they_were_read(vggface_root):
    darken = [v2.ColorJitter(brightness=(0.1, 0.2))]
    data = FaceDataModule(root=str(vggface_root), image_size=(24, 20), num_workers=0, transforms=darken)
    plain = FaceDataModule(root=str(vggface_root), image_size=(24, 20), num_workers=0)
    for each in (data, plain):
        each.setup("fit")
        each.setup("test")
    for loaders in ("val_dataloader", "test_dataloader"):
        for one, other in zip(getattr(data, loaders)(), getattr(plain, loaders)(), strict=True):
            assert all(torch.equal(a.images, b.images) for a, b in zip(one, other, strict=True))
    kept = data.train_dataset(data.identities)  # for class means
    [one], [other] = list(data.plain_loader(kept, kept.indices)), list(plain.plain_loader(kept, kept.indices))
    assert torch.equal(one.images, other.images)
    [trained] = list(data.train_dataloader())
    assert float(trained.images.float().mean()) < 0.3 * float(one.images.float().mean())


def test_a_transform_that_cannot_be_used_stops_before_an_image_is_read(vggface_root):
    data = FaceDataModule(root=str(vggface_root), image_size=(24, 20), transforms=[v2.Resize((12, 10))])
    data.trainer = SimpleNamespace(lightning_module=torch.nn.ModuleDict({"loss": losses.ArcFace()}))
    for path in (vggface_root / "train").rglob("*.jpg"):
        path.write_bytes(b"broken")
    with pytest.raises(ValueError, match=r"data.transforms\[0\]=Resize"):
        data.setup("fit")
