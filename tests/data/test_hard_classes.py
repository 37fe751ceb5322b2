"""Batches of people who are alike: the greedy choice of the paper, in an epoch that still covers the set."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facerec.data import FaceDataModule
from facerec.data.batches import SourceDataset
from facerec.data.hard_classes import HardClasses, HardClassSampler, draw_pool, grow_hard_batch
from facerec.data.samplers import IdentityBalancedSampler
from tests.data.test_samplers import Labels, batches


def brute_force(directions, start, people):
    """The choice of section 3.2.2, one candidate and one chosen class at a time, in float64."""
    chosen = list(start)
    while len(chosen) < people:
        best, worst_violation = None, None
        for candidate in range(len(directions)):
            if candidate in chosen:
                continue
            violation = max(
                sum(a * b for a, b in zip(directions[candidate], directions[c], strict=True)) for c in chosen
            )
            if best is None or violation > worst_violation:
                best, worst_violation = candidate, violation
        chosen.append(best)
    return chosen


def directions(count, dim, seed=0):
    x = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    count=st.integers(2, 20),
    dim=st.integers(2, 6),
    people=st.integers(1, 20),
    start=st.integers(1, 4),
    seed=st.integers(),
)
def test_the_choice_is_that_of_brute_force(count, dim, people, start, seed):
    people, seed = min(people, count), seed % 1000
    start = min(start, people)
    x = directions(count, dim, seed)
    assert grow_hard_batch(x, start, people).tolist() == brute_force(x.astype(float).tolist(), range(start), people)


def test_equal_candidates_go_by_their_order():
    assert grow_hard_batch(np.ones((6, 2), dtype=np.float32), 1, 4).tolist() == [0, 1, 2, 3]


def made(counts, people, images_per_person, among, replicas=1, rank=0, seed=0, epoch=1, x=None):
    labels = np.random.default_rng(5).permutation(np.repeat(np.arange(len(counts)), counts))
    dataset = SourceDataset(Labels(len(labels)), (8, 8), labels)
    hard = HardClasses(max(among, people, 2))
    hard.update(torch.from_numpy(directions(len(counts), 4) if x is None else x).half(), epoch)
    sampler = HardClassSampler(dataset, people, images_per_person, hard, replicas, rank, seed)
    sampler.set_epoch(epoch)
    return sampler, labels


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    counts=st.lists(st.integers(1, 30), min_size=3, max_size=12),
    people=st.integers(1, 3),
    images_per_person=st.integers(1, 5),
    among=st.integers(2, 14),
    replicas=st.integers(1, 3),
    epoch=st.integers(0, 3),
)
def test_every_batch_is_whole_and_the_epoch_covers_the_set(counts, people, images_per_person, among, replicas, epoch):
    seen = []
    for rank in range(replicas):
        sampler, labels = made(counts, people, images_per_person, among, replicas, rank, epoch=epoch)
        order = batches(sampler, people * images_per_person)
        assert order.size == len(sampler)
        for batch in order:
            present, images = np.unique(labels[batch], return_counts=True)
            assert len(present) == people
            assert (images == images_per_person).all()
        seen.append(order)
    assert len({order.shape for order in seen}) == 1
    assert set(np.concatenate(seen).flatten()) == set(range(sum(counts)))
    random = IdentityBalancedSampler(sampler.dataset, people, images_per_person, replicas)
    assert len(random) == len(sampler), "an epoch is as long as without mining"


@pytest.mark.parametrize("replicas", [2, 3])
def test_processes_have_different_people_in_a_step(replicas):
    counts = [8, 4, 6, 8, 4, 5, 9, 12, 7, 3]
    shared = []
    for rank in range(replicas):
        sampler, labels = made(counts, 3, 2, 5, replicas, rank)
        shared.append(labels[batches(sampler, 6)])
    for step in np.stack(shared, axis=1):
        assert len(np.unique(step)) == 3 * replicas


def test_processes_take_turns_where_people_are_too_few_for_all():
    counts = [8, 4, 6, 8, 4]
    alone = batches(made(counts, 3, 2, 4)[0], 6)
    shared = [batches(made(counts, 3, 2, 4, 2, rank)[0], 6) for rank in range(2)]
    together = np.stack(shared, 1).reshape(-1, 6)[: len(alone)]
    assert (together == alone).all()


def test_people_who_are_alike_meet():
    """Forty people in ten groups of nearly the same direction, four in a batch: most batches are one group."""
    centers = np.repeat(directions(10, 8), 4, axis=0)
    x = centers + 0.05 * directions(40, 8, seed=1)
    x /= np.linalg.norm(x, axis=1, keepdims=True)

    def share_of_one_group(among, epoch):
        sampler, labels = made([8] * 40, 4, 2, among, epoch=epoch, x=x.astype(np.float32))
        groups = [set(labels[batch] // 4) for batch in batches(sampler, 8)]
        return np.mean([len(group) == 1 for group in groups])

    assert share_of_one_group(40, 1) > 0.5
    assert share_of_one_group(4, 1) < 0.1, "a pool of one batch leaves no choice"
    sampler, labels = made([8] * 40, 4, 2, 40, x=x.astype(np.float32))
    first = labels[batches(sampler, 8)][0]
    assert len(set(first // 4)) == 1


def test_the_pool_is_drawn_by_what_is_left():
    random = np.random.default_rng(0)
    left = np.array([1, 9, 1, 1, 1, 1])
    drawn = [draw_pool(left, 20, 1, 1, random)[0][0] for _ in range(2000)]
    assert np.mean(np.array(drawn) == 1) == pytest.approx(9 / 14, abs=0.04)


def test_whoever_must_come_starts_the_batch():
    random = np.random.default_rng(0)
    pool, forced = draw_pool(np.array([1, 5, 0, 2, 5, 3]), 5, 3, 4, random)
    assert forced == 2
    assert set(pool[:2]) == {1, 4}
    assert 2 not in pool
    pool, forced = draw_pool(np.array([0, 1, 0, 0, 0, 0]), 5, 3, 4, random)
    assert (forced, pool[0], len(pool)) == (1, 1, 4)


def test_the_order_is_a_function_of_seed_epoch_and_directions():
    def order(seed=0, epoch=1, x=None):
        return tuple(made([6] * 12, 4, 3, 8, seed=seed, epoch=epoch, x=x)[0])

    assert order() == order()
    assert len({order(), order(seed=1), order(epoch=2), order(x=directions(12, 4, seed=9))}) == 4


def test_without_directions_it_is_the_random_order():
    sampler, _ = made([6, 8, 5, 7], 2, 2, 4)
    sampler.hard.directions = None
    random = IdentityBalancedSampler(sampler.dataset, 2, 2)
    random.set_epoch(1)
    assert list(sampler) == list(random)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mine_among": 8}, "data.mine_among=8 chooses the people of a batch, and a plain shuffle has no people"),
        ({"mine_among": 1, "images_per_person": 2}, "data.mine_among=1: must be at least 2"),
    ],
)
def test_settings_that_cannot_work_say_so(settings, message):
    with pytest.raises(ValueError, match=message):
        FaceDataModule(root="x", batch_size=8, **settings)


def test_a_pool_smaller_than_a_batch_is_told():
    sampler, _ = made([5] * 8, 4, 2, 8)
    with pytest.raises(ValueError, match="data.mine_among=3: a batch has 4 people.* set it to 4 or more"):
        HardClassSampler(sampler.dataset, 4, 2, HardClasses(3))


def test_the_state_is_the_directions_of_the_epoch(vggface_root):
    def data(**given):
        return FaceDataModule(root=str(vggface_root), image_size=(32, 32), batch_size=4, num_workers=0, **given)

    assert data().state_dict() == {}
    first = data(images_per_person=2, mine_among=4)
    first.setup("fit")
    first.hard_classes.update(torch.from_numpy(directions(4, 8)).half(), 3)
    loader = first.train_dataloader()
    loader.sampler.set_epoch(3)
    second = data(images_per_person=2, mine_among=4)
    second.load_state_dict(first.state_dict())
    second.setup("fit")
    resumed = second.train_dataloader()
    resumed.sampler.set_epoch(3)
    resumed.load_state_dict({"batches": 2})
    assert [batch.indices.tolist() for batch in loader][2:] == [batch.indices.tolist() for batch in resumed]
    data().load_state_dict(first.state_dict())  # a run that mines no longer
