"""MNIST and CIFAR-10 from small local copies, compared with torchvision's own reading of them."""

import hashlib
import pickle
import struct

import numpy as np
import pytest
from torchvision import datasets

from facerec.data import AllPairs, CIFAR10Images, MNISTImages


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
@pytest.mark.parametrize(("ours", "theirs"), [(MNISTImages, datasets.MNIST), (CIFAR10Images, datasets.CIFAR10)])
def test_images_are_those_of_torchvision(request, ours, theirs, part):
    root = request.getfixturevalue("mnist" if ours is MNISTImages else "cifar")
    source, reference = ours(root, part), theirs(root, train=part == "train")
    assert len(source) == len(reference)
    assert len(source.identities) == 10
    for index, (image, label) in enumerate(reference):
        np.testing.assert_array_equal(source.read(index).numpy(), np.array(image.convert("RGB")).transpose(2, 0, 1))
        assert source.labels[index] == label


def test_the_first_images_of_each_class(mnist):
    source = MNISTImages(mnist, "train", images_per_class=2)
    whole = MNISTImages(mnist, "train")
    assert source.labels.tolist() == [*range(10), *range(10)]
    np.testing.assert_array_equal(source.read(19).numpy(), whole.read(19).numpy())
    assert int(AllPairs(source).same.sum()) == 10


def test_one_changed_byte_is_refused_before_it_is_opened(cifar, tmp_path):
    path = tmp_path / datasets.CIFAR10.base_folder / "test_batch"
    path.write_bytes(path.read_bytes()[:-2] + b"\x00.")
    with pytest.raises(FileNotFoundError, match="not the published one"):
        len(CIFAR10Images(cifar, "train"))


@pytest.mark.parametrize(
    ("settings", "message"), [({"part": "dev"}, "choose train or test"), ({"images_per_class": 0}, "at least 1")]
)
def test_bad_settings_name_themselves(settings, message):
    with pytest.raises(ValueError, match=message):
        MNISTImages("x", **settings)
