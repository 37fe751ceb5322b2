"""MNIST from a small local copy, compared with torchvision's own reading of it."""

import gzip

import numpy as np
import pytest
from torchvision import datasets

from facerec.data import MNISTImages
from facerec.data.formats import mnist as mnist_format


@pytest.mark.parametrize("part", ["train", "test"])
def test_images_are_those_of_torchvision(mnist, part):
    source, reference = MNISTImages(mnist, part), datasets.MNIST(mnist, train=part == "train")
    assert len(source) == len(reference)
    assert len(source.identities) == 10
    for index, (image, label) in enumerate(reference):
        np.testing.assert_array_equal(source.read(index).numpy(), np.array(image.convert("RGB")).transpose(2, 0, 1))
        assert source.labels[index] == label


def test_a_file_that_unpacks_to_gigabytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist_format, "MOST_BYTES", 1000)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(10_000)))
    with pytest.raises(ValueError, match=r"ubyte\.gz unpacks to more than 1,000 bytes"):
        mnist_format.read_idx(tmp_path / "train-images-idx3-ubyte.gz", 3)
