"""Pairs that repeat, and images beside themselves: against a count in plain loops, and in a protocol of folds."""

from pathlib import Path

import numpy as np
import torch

from facerec.data import BinPairs, ORLImages, write_bin
from facerec.data.checks import check_pairs
from facerec.data.pair_doubts import counted, digest, first_of_each


def test_the_first_of_each_two_images_counts():
    pairs_P2 = np.random.default_rng(0).integers(0, 7, size=(200, 2))
    seen: set[frozenset[int]] = set()
    expected = []
    for pair in pairs_P2.tolist():
        expected.append(frozenset(pair) not in seen)
        seen.add(frozenset(pair))
    assert first_of_each(pairs_P2).tolist() == expected
    assert first_of_each(np.zeros((0, 2), dtype=np.int64)).tolist() == []


def test_a_protocol_of_folds_stays_as_it_was_published(tmp_path):
    faces = ORLImages("val")
    files = [faces.name(index) for index in (0, 1, 0, 10)]  # a genuine pair, then an impostor pair
    write_bin(tmp_path / "set.bin", [Path(name) for name in files * 6], same=[True, False] * 6)
    pairs = BinPairs(str(tmp_path / "set.bin"))
    assert pairs.folds is not None
    assert counted(pairs).all()
    [message] = check_pairs("test", {"bin": pairs})
    assert "'bin': 10 of 12 pairs repeat another pair" in message
    assert "They count, as the folds of the list say" in message


def test_a_digest_is_of_pixels_and_shape():
    row, column = torch.zeros(3, 1, 6, dtype=torch.uint8), torch.zeros(3, 6, 1, dtype=torch.uint8)
    assert digest(row) == digest(row.clone())
    assert digest(row) != digest(column)
    assert digest(row) != digest(row + 1)
