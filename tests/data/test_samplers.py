"""Batches of P people with K images: whole, covering, reproducible, and shared out among processes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facerec import losses
from facerec.data import FaceDataModule
from facerec.data.batches import Batch, SourceDataset
from facerec.data.samplers import IdentityBalancedSampler
from facerec.data.sources import Images
from facerec.transforms import Augment


class Labels(Images):
    """A source of nothing but a number of images."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def read(self, index):
        raise AssertionError("a sampler reads no images")

    def name(self, index):
        return str(index)


def sampler(counts, people, images_per_person, replicas=1, rank=0, seed=0, epoch=0):
    labels = np.repeat(np.arange(len(counts)), counts)
    labels = np.random.default_rng(5).permutation(labels)
    dataset = SourceDataset(Labels(len(labels)), (8, 8), labels)
    made = IdentityBalancedSampler(dataset, people, images_per_person, replicas, rank, seed)
    made.set_epoch(epoch)
    return made, labels


def batches(made, size):
    return np.array(list(made)).reshape(-1, size)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(1, 9), min_size=3, max_size=12),
    people=st.integers(1, 3),
    images_per_person=st.integers(1, 5),
    replicas=st.integers(1, 3),
    epoch=st.integers(0, 3),
)
def test_every_batch_is_whole_and_the_epoch_covers_the_set(counts, people, images_per_person, replicas, epoch):
    seen = []
    for rank in range(replicas):
        made, labels = sampler(counts, people, images_per_person, replicas, rank, epoch=epoch)
        order = batches(made, people * images_per_person)
        assert order.size == len(made)
        for batch in order:
            present, images = np.unique(labels[batch], return_counts=True)
            assert len(present) == people
            assert (images == images_per_person).all()
        seen.append(order)
    assert len({order.shape for order in seen}) == 1  # equally many batches for every process
    assert set(np.concatenate(seen).flatten()) == set(range(sum(counts)))


def test_equal_people_come_once_each():
    made, _ = sampler([8] * 6, 3, 4)
    assert sorted(made) == list(range(48))


def test_images_repeat_only_where_a_person_has_too_few():
    made, labels = sampler([2, 5, 8], 3, 4)
    for batch in batches(made, 12):
        for person, distinct in ((0, 2), (2, 4)):
            assert len(set(batch[labels[batch] == person])) == distinct


@pytest.mark.parametrize("replicas", [2, 3])
def test_processes_share_the_batches_of_one(replicas):
    """Two processes with batches of two people train as one does with batches of four: nobody is in both."""
    counts = [7, 5, 8, 9, 6, 11, 3]
    alone = batches(sampler(counts, 2 * replicas, 2)[0], 4 * replicas)
    shared = [batches(sampler(counts, 2, 2, replicas, rank)[0], 4) for rank in range(replicas)]
    assert (np.concatenate(shared, axis=1) == alone).all()


def test_processes_take_turns_where_people_are_too_few_for_all():
    alone = batches(sampler([7, 5, 8], 2, 2)[0], 4)
    shared = [batches(sampler([7, 5, 8], 2, 2, 2, rank)[0], 4) for rank in range(2)]
    together = np.stack(shared, 1).reshape(-1, 4)[: len(alone)]
    assert (together == alone).all()


def test_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch):
        return tuple(sampler([6] * 8, 4, 3, seed=seed, epoch=epoch)[0])

    assert order(0, 0) == order(0, 0)
    assert len({order(0, 0), order(0, 1), order(1, 0), order(1, 1)}) == 4


def test_too_few_people_are_told():
    with pytest.raises(ValueError, match="a batch of 4 people needs as many in the data, which has 3"):
        sampler([5, 5, 5], 4, 2)


class WithLoss:
    """As much of a trainer as the data module asks for."""

    world_size, global_rank, training, current_epoch, overfit_batches = 1, 0, True, 3, 0

    def __init__(self, loss):
        self.lightning_module = torch.nn.Module()
        self.lightning_module.loss = loss


def fitted(root, loss, **data):
    made = FaceDataModule(root=str(root), image_size=(32, 32), **{"batch_size": 8, "num_workers": 0, **data})
    made.setup("fit")
    made.trainer = WithLoss(loss)
    return made


def test_the_data_module_makes_the_batches(vggface_root):
    data = fitted(vggface_root, losses.Triplet(), images_per_person=4)
    for batch in data.train_dataloader():
        assert sorted(np.unique(batch.labels, return_counts=True)[1]) == [4, 4]


def test_a_pair_loss_with_a_plain_shuffle_warns(vggface_root):
    with pytest.warns(UserWarning, match="Triplet learns from images of the same person.*set data.images_per_person"):
        fitted(vggface_root, losses.Triplet()).train_dataloader()
    joint = losses.Joint({"ce": losses.Softmax(), "triplet": losses.Triplet()})
    with pytest.warns(UserWarning, match="Joint learns from"):
        fitted(vggface_root, joint).train_dataloader()


@pytest.mark.parametrize(
    ("loss", "data"),
    [
        (losses.ArcFace(), {}),
        (losses.SupCon(), {"views": 2}),
        (losses.SupCon(), {"views": 2, "images_per_person": 2}),
        (losses.Triplet(), {"images_per_person": 2}),
    ],
)
def test_no_warning_where_there_are_pairs_or_none_are_needed(vggface_root, recwarn, loss, data):
    fitted(vggface_root, loss, **data).train_dataloader()
    assert not [warning for warning in recwarn if "learns from" in str(warning.message)]


def test_one_image_a_person_cannot_train_a_pair_loss(vggface_root):
    with pytest.raises(ValueError, match=r"images_per_person=1 gives Triplet no two images"):
        fitted(vggface_root, losses.Triplet(), images_per_person=1, batch_size=4).train_dataloader()
    fitted(vggface_root, losses.SupCon(), images_per_person=1, batch_size=4, views=2).train_dataloader()
    fitted(vggface_root, losses.ArcFace(), images_per_person=1, batch_size=4).train_dataloader()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images_per_person": 3}, "data.batch_size=8 and data.images_per_person=3"),
        ({"images_per_person": 0}, "data.images_per_person=0"),
        ({"views": 0}, "data.views=0"),
    ],
)
def test_settings_that_cannot_work_say_so(settings, message):
    with pytest.raises(ValueError, match=message):
        FaceDataModule(root="x", batch_size=8, **settings)


def test_two_views_are_two_draws_and_the_first_is_that_of_one(vggface_root):
    batch = Batch(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8), torch.tensor([0, 0, 1, 1]), torch.arange(4))
    one = fitted(vggface_root, losses.SupCon()).on_after_batch_transfer(batch, 0)
    data = fitted(vggface_root, losses.SupCon(), views=2)
    data.augment = Augment(brightness=0.5)
    single = fitted(vggface_root, losses.SupCon())
    single.augment = Augment(brightness=0.5)
    two = data.on_after_batch_transfer(batch, 0)
    assert one.images.shape == (4, 3, 32, 32)
    assert two.images.shape == (8, 3, 32, 32)
    assert two.labels.tolist() == [0, 0, 1, 1] * 2
    assert two.indices.tolist() == [0, 1, 2, 3] * 2
    torch.testing.assert_close(two.images[:4], single.on_after_batch_transfer(batch, 0).images, rtol=0, atol=0)
    assert not torch.equal(two.images[:4], two.images[4:])


@pytest.mark.parametrize("replicas", [2, 3, 4, 5, 8])
def test_more_processes_than_batches_get_equally_many(replicas):
    shared = [list(sampler([4, 4, 4, 4], 4, 4, replicas, rank)[0]) for rank in range(replicas)]
    assert {len(part) for part in shared} == {len(sampler([4, 4, 4, 4], 4, 4, replicas, 0)[0])} == {16}
