"""The order of batches of people, against the slow dealing of one group at a time that it must repeat."""

import heapq
import math
from itertools import cycle, islice

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facerec.data.dealing import batches_needed, deal
from tests.data.test_samplers import sampler


def deal_one_by_one(groups, people, random):
    """Take the people with the most groups left from one heap; equal people by a tie drawn with each group."""
    ties = [random.random() for _ in groups]
    heap = [(-count, ties[person], person) for person, count in enumerate(groups)]
    heapq.heapify(heap)
    batches = []
    while heap:
        drawn = [heapq.heappop(heap) for _ in range(min(people, len(heap)))]
        batch = [person for _, _, person in drawn]
        while len(batch) < people:
            filler = int(random.integers(len(groups)))
            if filler not in batch:
                batch.append(filler)
        batches.append(batch)
        for count, _, person in drawn:
            if count < -1:
                heapq.heappush(heap, (count + 1, random.random(), person))
    return batches


def order_one_by_one(labels, people, images_per_person, replicas, rank, seed, epoch):
    """An epoch of one process, person by person and group by group."""
    random = np.random.default_rng((seed, epoch))
    groups = []
    for person in range(labels.max() + 1):
        images = random.permutation(np.flatnonzero(labels == person)).tolist()
        count = math.ceil(len(images) / images_per_person)
        filled = list(islice(cycle(images), count * images_per_person))
        groups.append([filled[i : i + images_per_person] for i in range(0, len(filled), images_per_person)])
    is_shared = len(groups) >= replicas * people
    batches = deal_one_by_one(
        [len(of_person) for of_person in groups], replicas * people if is_shared else people, random
    )
    random.shuffle(batches)
    if not is_shared:
        batches = list(islice(cycle(batches), math.ceil(len(batches) / replicas) * replicas))
    turn, order = [cycle(of_person) for of_person in groups], []
    for number, batch in enumerate(batches):
        images = [next(turn[person]) for person in batch]
        if is_shared:
            images = images[rank * people : (rank + 1) * people]
        if is_shared or number % replicas == rank:
            order += [image for group in images for image in group]
    return order


counts_of_people = st.one_of(
    st.lists(st.integers(1, 9), min_size=3, max_size=40),  # many equal people
    st.lists(st.integers(1, 120), min_size=3, max_size=12),  # a staircase
    st.tuples(st.integers(20, 200), st.lists(st.integers(1, 2), min_size=3, max_size=60)).map(lambda t: [t[0], *t[1]]),
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(counts=counts_of_people, people=st.integers(1, 30), seed=st.integers(0, 99))
def test_the_batches_are_those_of_one_heap(counts, people, seed):
    people = min(people, len(counts))
    groups = np.array(counts, dtype=np.int64)
    random, slow_random = np.random.default_rng(seed), np.random.default_rng(seed)
    dealt = deal(groups, people, random)
    assert dealt.tolist() == deal_one_by_one(counts, people, slow_random)
    assert random.random() == slow_random.random(), "the draws that follow are the same"
    assert len(dealt) == batches_needed(groups, people)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    counts=counts_of_people,
    people=st.integers(1, 6),
    images_per_person=st.integers(1, 5),
    replicas=st.integers(1, 3),
    epoch=st.integers(0, 3),
)
def test_an_epoch_is_that_of_one_group_at_a_time(counts, people, images_per_person, replicas, epoch):
    people = min(people, len(counts))
    for rank in range(replicas):
        made, labels = sampler(counts, people, images_per_person, replicas, rank, seed=7, epoch=epoch)
        assert list(made) == order_one_by_one(labels, people, images_per_person, replicas, rank, 7, epoch)
