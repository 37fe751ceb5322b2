"""People of few images: who they are, which of their images are in a batch, and what the model sees of them."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2

from facerec import losses
from facerec.data import FaceDataModule, Shallow
from facerec.data.batch_checks import check_shallow
from facerec.data.shallow import Division
from facerec.data.shallow_sampler import ShallowSampler
from facerec.data.sources import ImageSource
from facerec.data.training_set import TrainingDataset
from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix
from facerec.transforms.torchvision_transforms import TorchvisionTransforms
from tests.conftest import save_face
from tests.data.test_samplers import Labels, WithLoss

LOSS = losses.DeepAndShallow(losses.ArcFace(), losses.SupCon())
MIRROR = TorchvisionTransforms([v2.RandomHorizontalFlip(p=0.5)])


class People(Labels, ImageSource):
    """A source of nothing but labels."""

    identities = labels = None  # set below

    def __init__(self, counts):
        super().__init__(sum(counts))
        self.labels = np.random.default_rng(5).permutation(np.repeat(np.arange(len(counts)), counts))
        self.identities = [f"p{person:02}" for person in range(len(counts))]


def test_people_are_divided_by_their_images_and_keep_their_order():
    source = People([5, 1, 3, 2, 4])
    division = Shallow(below=3).divide(source)
    assert division.deep == ["p00", "p02", "p04"]
    assert division.shallow == ["p01", "p03"]
    names = division.deep + division.shallow
    assert [names[label] for label in division.labels] == [source.identities[label] for label in source.labels]
    indices, deep = division.deep_first(np.arange(15))
    assert sorted(indices) == list(range(15))
    assert deep == 12
    assert (division.labels[indices] < 3).tolist() == [True] * 12 + [False] * 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shallow(below=1), "data.shallow.below=1: must be at least 2"),
        (lambda: Shallow(share=0.0), r"data.shallow.share=0.0: must be in \(0, 1\)"),
        (lambda: Shallow(share=1.0), "data.shallow.share=1.0"),
        (lambda: Shallow(below=5).divide(People([5, 1, 4])), "below=5 leaves 1 of 3 training people"),
        (lambda: Shallow(below=2).divide(People([5, 2, 4])), "below=2: every training person has as many images"),
        (lambda: Shallow(share=0.9).people(4), "share=0.9 of data.batch_size=4 leaves no place"),
        (lambda: Shallow().people(2), "leaves no place"),
        (lambda: FaceDataModule(root="x", batch_size=64, images_per_person=5, shallow=Shallow()), "the other 48 hold"),
    ],
)
def test_settings_that_cannot_work_say_so(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_share_is_rounded_to_two_views_of_whole_people():
    assert [Shallow().people(size) for size in (64, 4, 10, 128)] == [8, 1, 1, 16]


def orders(counts, epoch, replicas=1, below=3, batch=10, people=2, images_per_person=None, seed=0):
    """The set, and the order of each process."""
    source = People(counts)
    dataset = TrainingDataset(source, (8, 8), np.arange(len(source)), division=Shallow(below).divide(source))
    found = []
    for rank in range(replicas):
        order = dataset.order(batch, images_per_person, None, people, replicas, rank, seed)
        order.set_epoch(epoch)
        found.append(np.array(list(order)).reshape(-1, batch))
        assert found[-1].size == len(order)
    return dataset, found


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    shallow=st.lists(st.integers(1, 2), min_size=6, max_size=30),
    deep=st.lists(st.integers(3, 6), min_size=6, max_size=12),
    replicas=st.integers(1, 3),
    epoch=st.integers(0, 9),
    images_per_person=st.sampled_from([None, 1, 2, 3]),
)
def test_every_batch_has_its_two_parts(shallow, deep, replicas, epoch, images_per_person):
    dataset, found = orders(deep + shallow, epoch, replicas, images_per_person=images_per_person)
    classes = len(deep)
    for number in range(len(found[0])):
        together = []
        for order in found:
            indices = dataset.indices[order[number]]
            labels = dataset.labels[indices]
            assert (labels[:6] < classes).all()
            first, second = labels[6:8], labels[8:]
            assert (first == second).all()
            assert (first >= classes).all()
            images = np.bincount(dataset.labels)
            for one, other, label in zip(indices[6:8], indices[8:], first, strict=True):
                assert (one == other) == (images[label] == 1)
            together += first.tolist()
        assert len(set(together)) == len(together), "processes show different people"


@pytest.mark.parametrize("images_per_person", [None, 3])
def test_the_deep_part_is_the_order_without_shallow_people(images_per_person):
    """So an epoch passes all images of deep people."""
    counts = [6, 3, 6, 9, 6, 6, 1, 1, 2, 1]
    dataset, (order,) = orders(counts, 4, images_per_person=images_per_person)
    alone = TrainingDataset(dataset.source, (8, 8), dataset.indices[:36])  # the same images, and nobody else
    deep = alone.order(6, images_per_person)
    deep.set_epoch(4)
    assert order[:, :6].flatten().tolist() == list(deep)


def test_everybody_comes_once_before_anybody_comes_again():
    """Over epochs: a pass of 9 people in batches of 2 leaves one out, another one each time."""
    counts = [6] * 6 + [1] * 9
    seen = []
    for epoch in range(8):
        dataset, (order,) = orders(counts, epoch)
        seen += dataset.labels[dataset.indices[order[:, 6:8]]].tolist()
    passes = [np.concatenate(seen[start : start + 4]) for start in range(0, len(seen) - 3, 4)]
    assert all(len(set(people)) == 8 for people in passes)
    assert len({tuple(people) for people in passes}) == len(passes)
    assert set(Counter(np.concatenate(passes).tolist())) == set(range(6, 15))


def test_the_draw_is_a_function_of_seed_and_epoch():
    def order(seed, epoch):
        return tuple(orders([6] * 6 + [2] * 9, epoch, seed=seed)[1][0].flatten())

    assert order(0, 3) == order(0, 3)
    assert len({order(0, 0), order(0, 1), order(1, 0), order(1, 1)}) == 4


def test_too_few_shallow_people_are_told():
    with pytest.raises(ValueError, match="there are 3 shallow people, and the batches take 4 at a time"):
        orders([6] * 6 + [1] * 3, 0, replicas=2)


def test_a_set_smaller_than_a_batch_is_one_batch():
    source = People([3, 3, 1, 1])
    dataset = TrainingDataset(source, (8, 8), np.arange(8), division=Shallow(3).divide(source))
    order = dataset.order(20, shallow_people=2)
    assert isinstance(order, ShallowSampler)
    assert sorted(list(order)[:6]) == list(range(6))
    assert len(order) == 10


def fitted(root, loss=LOSS, **given):
    augment = Augment(brightness=0.5)
    default = {"batch_size": 8, "num_workers": 0, "shallow": Shallow(3, 0.5), "augment": augment}
    data = FaceDataModule(root=str(root), image_size=(32, 32), **{**default, **given})
    data.trainer = WithLoss(loss)
    data.setup("fit")
    return data


def test_shallow_people_are_no_classes(shallow_root):
    data = fitted(shallow_root)
    assert data.num_classes == 4
    assert data.identities == ["n000001", "n000002", "n000003", "n000004"]
    batches = list(data.train_dataloader())
    assert len(batches) == data.batches_of_epoch == 4  # 16 images of deep people, four in a batch
    assert [batch.images.shape for batch in batches] == [(8, 3, 32, 32)] * 4
    assert sorted(np.concatenate([batch.indices[:4] for batch in batches])) == list(range(4, 20))
    assert len(data.train_dataset(data.identities)) == 16
    data.trainer = None
    dev, _ = data.val_dataloader()
    assert sorted(next(iter(dev)).labels.tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("views", [1, 2])
def test_the_model_sees_two_different_views_behind_the_labelled_images(shallow_root, views):
    data = fitted(shallow_root, views=views)
    plain = next(iter(data.train_dataloader()))
    batch = data.on_after_batch_transfer(plain, 0)
    assert len(batch.labels) == 4 * views
    assert batch.indices.tolist() == plain.indices[:4].tolist() * views + plain.indices[4:].tolist()
    first, second = batch.images[-4:-2], batch.images[-2:]
    for one, other in zip(first, second, strict=True):
        assert not torch.equal(one, other)
    augment = data.augment
    expected = augment(plain.images[:6], seed=0, epoch=3, indices_B=plain.indices[:6])
    torch.testing.assert_close(torch.cat([batch.images[:4], first]), expected)
    if views == 2:
        assert not torch.equal(batch.images[4:8], batch.images[:4])


def test_a_deep_image_is_augmented_as_without_shallow_people(shallow_root):
    data = fitted(shallow_root)
    plain = next(iter(data.train_dataloader()))
    with_them = data.on_after_batch_transfer(plain, 0).images[:4]
    data.shallow, data._shallow_people = None, 0
    torch.testing.assert_close(with_them, data.on_after_batch_transfer(plain, 0).images[:4])


def test_kept_images_are_those_of_the_files(shallow_root):
    data = fitted(shallow_root)
    dataset = data.train_dataloader().dataset
    assert dataset._kept is not None
    loader = data.train_dataloader()
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            read = data.train.read_batch(batch.indices.numpy(), (32, 32))
            assert torch.equal(batch.images, read)


def test_workers_change_nothing(shallow_root):
    plain = [batch.images for batch in fitted(shallow_root).train_dataloader()]
    workers = [batch.images for batch in fitted(shallow_root, num_workers=1).train_dataloader()]
    assert all(torch.equal(a, b) for a, b in zip(plain, workers, strict=True))


def test_dev_images_of_shallow_people_are_left_out(shallow_root):
    data = fitted(shallow_root)
    assert len(data.dev_dataset(data.identities)) == 4
    for person in range(1, 5):
        (shallow_root / "dev" / f"n{person:06d}" / "9.jpg").unlink()
        (shallow_root / "dev" / f"n{person:06d}").rmdir()
    assert fitted(shallow_root).dev_dataset(data.identities) is None
    save_face(24, 1, shallow_root / "dev" / "stranger" / "1.jpg")
    with pytest.raises(ValueError, match="'stranger'"):
        fitted(shallow_root)


@pytest.mark.parametrize(
    ("shallow", "mix", "transforms", "loss", "message"),
    [
        (Shallow(), Mix(mixup=0.2), None, losses.Softmax(), "data.mix and data.shallow"),
        (Shallow(), None, MIRROR, LOSS, "data.transforms and data.shallow"),
        (Shallow(), None, None, losses.ArcFace(), "model.loss=ArcFace has no use for them"),
        (None, None, None, LOSS, "data.shallow is not set"),
    ],
)
def test_settings_that_do_not_go_together_say_so(shallow, mix, transforms, loss, message):
    with pytest.raises(ValueError, match=message):
        check_shallow(shallow, mix, transforms, loss)


def test_settings_that_go_together():
    check_shallow(Shallow(), None, None, LOSS)
    check_shallow(Shallow(), None, None, None)
    check_shallow(None, Mix(mixup=0.2), MIRROR, losses.Softmax())


def test_overfitting_a_batch_is_refused(shallow_root):
    data = fitted(shallow_root)
    data.trainer.overfit_batches = 1
    with pytest.raises(ValueError, match=r"trainer.overfit_batches .* data.shallow cannot"):
        data.train_dataloader()


def test_fit_is_told_who_is_shallow():
    division = Division(["a", "b"], ["c"], np.array([0, 0, 1, 1, 2]))
    assert Shallow(below=2).told(division, 8) == (
        "shallow people (fewer than 2 images): 1, with 1 images. They are no classes: every batch of 8 shows 1 of them "
        "in two views each, beside 6 images of the 2 others"
    )
