"""What all sources of pairs share."""

import numpy as np
import pytest

from facerec.data import ListPairs
from facerec.data.formats.pairs import PairCollector, equal_folds
from tests.conftest import save_face


def test_subjects_are_the_folders_where_the_labels_agree(tmp_path):
    images = tmp_path / "images"
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        save_face(1, 1, images / name)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("a/1.png a/2.png 1\na/1.png b/1.png 0\n")
    assert ListPairs(str(images), str(pairs)).subjects.tolist() == [0, 0, 1]
    pairs.write_text("a/1.png a/2.png 0\na/1.png b/1.png 0\n")  # then a folder is not a person
    assert ListPairs(str(images), str(pairs)).subjects is None
    pairs.write_text("a/1.png a/2.png\n")
    assert ListPairs(str(images), str(pairs)).subjects is None


def test_images_are_numbered_in_the_order_of_their_first_use():
    collector = PairCollector[str]()
    rows = [("a", "b", 1), ("b", "b", 2), ("c", "a", 4), ("a", "d", 5)]
    assert [collector.add(*row) for row in rows] == collector.pairs == [(0, 1), (1, 1), (2, 0), (0, 3)]
    assert list(collector.index_of) == ["a", "b", "c", "d"]
    assert collector.lines == [1, 1, 4, 5]


@pytest.mark.parametrize("count", [10, 23, 6000])
def test_folds_are_ten_equal_parts_in_order(count):
    folds = equal_folds(count)
    assert (np.diff(folds) >= 0).all()
    sizes = np.bincount(folds)
    assert len(sizes) == 10
    assert sizes.max() - sizes.min() <= 1


def test_fewer_than_ten_pairs_have_no_folds():
    assert equal_folds(9) is None
