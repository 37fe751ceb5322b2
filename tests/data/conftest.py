"""Small sets on disk in the formats of others."""

import struct

import numpy as np
import pytest

from facerec.data import write_records
from tests.data.cases import encoded


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


@pytest.fixture
def mnist(tmp_path):
    """A local copy of 50 digits, as torchvision has it."""
    random = np.random.default_rng(0)
    for prefix, count in (("train", 30), ("t10k", 20)):
        raw = tmp_path / "MNIST" / "raw"
        write_idx(raw / f"{prefix}-images-idx3-ubyte", random.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", (np.arange(count) % 10).astype(np.uint8))
    return str(tmp_path)


@pytest.fixture
def records(tmp_path):
    """Five images of the people 2, 5 and 9, as insightface has them."""
    paths = [tmp_path / f"{value}.png" for value in range(5)]
    for value, path in enumerate(paths):
        path.write_bytes(encoded(value))
    write_records(tmp_path / "set", paths, [5, 2, 2, 9, 5], (6, 8))
    return tmp_path / "set"
