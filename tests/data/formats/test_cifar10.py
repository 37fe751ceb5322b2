"""CIFAR-10 from a small local copy, compared with torchvision's own reading of it."""

import hashlib
import pickle

import numpy as np
import pytest
from torchvision import datasets

from facerec.data import CIFAR10Images


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """A local copy of 60 images. torchvision goes on to check MD5 sums: it is told those of these files."""
    random = np.random.default_rng(0)
    folder = tmp_path / datasets.CIFAR10.base_folder
    folder.mkdir()

    def write(name, content):
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    def batch(name):
        data = random.integers(0, 256, (10, 3072), dtype=np.uint8)
        return write(name, {"data": data, "labels": random.permutation(10).tolist()})

    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [batch(f"data_batch_{number}") for number in range(1, 6)])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [batch("test_batch")])
    name, md5 = write("batches.meta", {"label_names": names})
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": name, "key": "label_names", "md5": md5})
    return str(tmp_path)


@pytest.mark.parametrize("part", ["train", "test"])
def test_images_are_those_of_torchvision(cifar, part):
    source, reference = CIFAR10Images(cifar, part), datasets.CIFAR10(cifar, train=part == "train")
    assert len(source) == len(reference)
    assert len(source.identities) == 10
    for index, (image, label) in enumerate(reference):
        np.testing.assert_array_equal(source.read(index).numpy(), np.array(image.convert("RGB")).transpose(2, 0, 1))
        assert source.labels[index] == label


def test_one_changed_byte_is_refused_before_it_is_opened(cifar, tmp_path):
    path = tmp_path / datasets.CIFAR10.base_folder / "test_batch"
    path.write_bytes(path.read_bytes()[:-2] + b"\x00.")
    with pytest.raises(FileNotFoundError, match="not the published one"):
        len(CIFAR10Images(cifar, "train"))
