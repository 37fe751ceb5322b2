"""Checks of images and pairs before the first step, without a data module."""

import re

import numpy as np
import pytest
import torch

from facerec.data import ORLImages, ORLPairs, UnreadableImageError, checks
from facerec.data.sources import ImageSource


class Faces(ImageSource):
    """Images of these people, some of them broken."""

    identities, labels = (), np.zeros(0, dtype=np.int64)

    def __init__(self, people, broken=()):
        self.identities = sorted(set(people))
        self.labels = np.array([self.identities.index(person) for person in people])
        self.broken = broken
        self.reads = 0

    def __len__(self):
        return len(self.labels)

    def read(self, index):
        self.reads += 1
        if index in self.broken:
            raise UnreadableImageError(f"{index} does not decode")
        return torch.zeros(3, 1, 1, dtype=torch.uint8)

    def name(self, index):
        return str(index)


def test_broken_images_are_refused_or_left_out():
    faces = Faces("aabb", broken=(1, 2))
    with pytest.raises(UnreadableImageError, match="2 of 4 dev images do not decode, the first: 1 does not decode"):
        checks.readable_images(faces, "dev", "raise")
    readable = checks.readable_images(faces, "dev", "skip")
    assert readable.indices.tolist() == [0, 3]
    assert readable.broken == ["1 does not decode", "2 does not decode"]
    checks.require_everyone(faces, readable, "dev")


def test_a_person_without_an_image_is_refused():
    faces = Faces("aabb", broken=(2, 3))
    with pytest.raises(ValueError, match="no dev image of 'b' decodes: 2 does not decode"):
        checks.require_everyone(faces, checks.readable_images(faces, "dev", "skip"), "dev")


def test_a_large_set_is_decoded_only_to_skip(monkeypatch):
    monkeypatch.setattr(checks, "DECODED_AT_MOST", 3)
    faces = Faces("aabb", broken=(1,))
    assert checks.readable_images(faces, "training", "raise").indices.tolist() == [0, 1, 2, 3]
    assert faces.reads == 0
    assert checks.readable_images(faces, "training", "skip").indices.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("people", "messages"),
    [
        ("aabb", []),
        ("aa", ["the training images show one person, 'a': there is nothing to tell apart"]),
        ("ab", ["no training person has two images: a network learns no person from one image"]),
    ],
)
def test_what_training_images_cannot_teach(people, messages):
    assert checks.check_training_images(Faces(people)) == messages


def test_no_training_images_are_an_error():
    with pytest.raises(ValueError, match="data.train holds no images"):
        checks.check_training_images(Faces(""))


def test_dev_labels_are_the_classes_of_the_model():
    assert checks.dev_labels(Faces("bca"), ["z", "a", "b", "c"]).tolist() == [2, 3, 1]
    with pytest.raises(ValueError, match="1 of 2 dev people are not among the 2 training people, for example 'b'"):
        checks.dev_labels(Faces("ab"), ["z", "a"])


def test_pairs_are_looked_at_before_they_are_measured():
    checks.check_pairs("val", {"orl": ORLPairs("val")})
    pairs = ORLPairs("val")
    pairs.images = ORLImages("val")
    pairs.images.read = Faces("a" * 60, broken=(7,)).read
    with pytest.raises(UnreadableImageError, match="1 images of the val pairs 'orl': 7 does not decode"):
        checks.check_pairs("val", {"orl": pairs})


def test_without_pairs_the_dev_images_are_measured_or_nothing_can_be():
    how = r"give data.val_pairs, or val_pairs.txt under data.root=faces"
    assert re.match(f"no val pairs: dev accuracy .* {how}", checks.without_pairs("val", "faces", has_dev=True))
    with pytest.raises(ValueError, match=f"nothing to measure: no val pairs, .* {how}"):
        checks.without_pairs("val", "faces", has_dev=False)
