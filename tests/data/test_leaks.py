"""Leaks are found without a data module: the functions return what it warns of."""

import numpy as np
import pytest
import torch

from facerec.data.leaks import seen_people, shared_images, shared_people
from facerec.data.sources import ImageSource, PairSource


class Labelled(ImageSource):
    """Images of these paths, of the people of these names."""

    identities, labels = (), np.zeros(0, dtype=np.int64)

    def __init__(self, paths, people):
        self.paths = paths
        self.identities = sorted(set(people))
        self.labels = np.array([self.identities.index(person) for person in people])

    def __len__(self):
        return len(self.paths)

    def read(self, index):
        return torch.zeros(3, 1, 1, dtype=torch.uint8)

    def name(self, index):
        return self.paths[index]


class Paired(PairSource):
    """Pairs of images of these paths, in the folders of their people."""

    pairs, same = np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=bool)

    def __init__(self, *paths, people=()):
        self.paths = paths
        self.known = frozenset(people)

    @property
    def people(self):
        return self.known

    def __len__(self):
        return len(self.paths)

    def read(self, index):
        return torch.zeros(3, 1, 1, dtype=torch.uint8)

    def name(self, index):
        return self.paths[index]


class Broken(Paired):
    """A list with a bad line."""

    def __len__(self):
        raise ValueError("pairs.txt:1: expected")


def folders(*names):
    return Labelled([f"train/{name}" for name in names], [name.split("/")[0] for name in names])


def paired(*names):
    return Paired(*(f"ver/{name}" for name in names), people=[name.split("/")[0] for name in names])


def test_people_in_two_groups_are_counted_and_some_named():
    train = folders("a/1", "b/1", "c/1", "d/1", "e/1")
    groups = {"val pairs": [paired("a/1", "x/1"), paired("b/1", "c/1")], "test pairs": [paired("x/2", "d/1")]}
    of_val, of_test, between = shared_people(train, groups)
    assert of_val.startswith("3 people are in both the training people and the val pairs ('a', 'b', 'c'): error rates")
    assert of_test.startswith("1 person is in both the training people and the test pairs ('d'): ")
    assert between.startswith("1 person is in both the val pairs and the test pairs ('x'): ")
    many = {"val pairs": [paired("a/1", "b/1", "c/1", "d/1")]}
    assert "('a', 'b', 'c', ...)" in shared_people(train, many)[0]


def test_people_apart_give_no_message():
    assert shared_people(folders("a/1", "b/1"), {"val pairs": [paired("c/1")], "test pairs": [paired("d/1")]}) == []


def test_numbers_and_folders_cannot_be_compared():
    train = Labelled(["1.png", "2.png", "3.png"], ["17", "40", "40"])
    (message,) = shared_people(train, {"val pairs": [paired("c/1", "d/1")]})
    assert message.startswith("cannot compare the training people with the val pairs: one set has numeric labels, ")
    assert "`facerec inspect`" in message


def test_training_images_are_not_gone_through_for_nothing():
    """Where the people of the pairs are unknown, or there are no other images."""

    class Untouchable(Labelled):
        def __len__(self):
            raise AssertionError("millions of images")

        def name(self, index):
            raise AssertionError("millions of images")

        def folders(self):
            raise AssertionError("millions of images")

    train = Untouchable(["a/1", "b/1"], ["a", "b"])
    assert shared_people(train, {"val pairs": [Paired("flat/1", "flat/2")]}) == []
    assert shared_images(train, None, {"val pairs": [], "test pairs": []}) == []


def test_images_in_two_groups():
    train, dev = Labelled(["1", "2", "3"], ["a", "b", "b"]), Labelled(["3", "4"], ["a", "b"])
    groups = {"val pairs": [Paired("2", "5"), Paired("6")], "test pairs": [Paired("6", "4")]}
    assert [message.partition(":")[0] for message in shared_images(train, dev, groups)] == [
        "1 image is in both the training images and the dev images ('3')",
        "1 image is in both the training images and the val pairs ('2')",
        "1 image is in both the dev images and the test pairs ('4')",
        "1 image is in both the val pairs and the test pairs ('6')",
    ]


def test_test_pairs_that_are_the_validation_pairs_need_no_training_images():
    groups = {"val pairs": [paired("a/1", "b/1")], "test pairs": [paired("a/1", "b/1")]}
    (people,) = shared_people(None, groups)
    (images,) = shared_images(None, None, groups)
    assert people.startswith("2 people are in both the val pairs and the test pairs ('a', 'b')")
    assert images.startswith("2 images are in both the val pairs and the test pairs ('ver/a/1', ...)")


def test_a_broken_list_is_left_to_others():
    groups = {"val pairs": [paired("a/1")], "test pairs": [Broken("x")]}
    assert len(shared_people(folders("a/1", "b/1"), groups)) == 1
    assert shared_images(None, None, groups) == []


@pytest.mark.parametrize(
    ("identities", "count"),
    [(["a", "b"], 1), (["x", "y"], 0), (["0", "1"], 0), ([], 0)],
)
def test_people_whom_the_model_has_seen(identities, count):
    messages = seen_people(identities, "test pairs", [paired("a/1", "c/1"), paired("0/1")])
    assert len(messages) == count
    for message in messages:
        assert message.startswith("1 person is in both the training people of the model and the test pairs ('a')")
