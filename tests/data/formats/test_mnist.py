"""MNIST from a small local copy, compared with torchvision's own reading of it."""

import numpy as np
import pytest
from torchvision import datasets

from facerec.data import MNISTImages


@pytest.mark.parametrize("part", ["train", "test"])
def test_images_are_those_of_torchvision(mnist, part):
    source, reference = MNISTImages(mnist, part), datasets.MNIST(mnist, train=part == "train")
    assert len(source) == len(reference)
    assert len(source.identities) == 10
    for index, (image, label) in enumerate(reference):
        np.testing.assert_array_equal(source.read(index).numpy(), np.array(image.convert("RGB")).transpose(2, 0, 1))
        assert source.labels[index] == label
