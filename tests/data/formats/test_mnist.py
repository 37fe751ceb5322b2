"""MNIST from a small local copy, compared with torchvision's own reading of it."""

import struct

import numpy as np
import pytest
from torchvision import datasets

from facerec.data import MNISTImages


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


@pytest.fixture
def mnist(tmp_path):
    random = np.random.default_rng(0)
    for prefix, count in (("train", 30), ("t10k", 20)):
        raw = tmp_path / "MNIST" / "raw"
        write_idx(raw / f"{prefix}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", (np.arange(count) % 10).astype(np.uint8))
    return str(tmp_path)


@pytest.mark.parametrize("part", ["train", "test"])
def test_images_are_those_of_torchvision(mnist, part):
    source, reference = MNISTImages(mnist, part), datasets.MNIST(mnist, train=part == "train")
    assert len(source) == len(reference)
    assert len(source.identities) == 10
    for index, (image, label) in enumerate(reference):
        np.testing.assert_array_equal(source.read(index).numpy(), np.array(image.convert("RGB")).transpose(2, 0, 1))
        assert source.labels[index] == label
