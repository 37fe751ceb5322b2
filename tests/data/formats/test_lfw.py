"""LFW's lists of pairs, with their folds."""

import numpy as np
import pytest

from facerec.data import LFWPairs
from tests.data.cases import encoded, shows

PEOPLE = [f"P_{number}" for number in range(4)]


@pytest.fixture
def images(tmp_path):
    for person, name in enumerate(PEOPLE):
        (tmp_path / "lfw" / name).mkdir(parents=True)
        for number in (1, 2, 3):
            (tmp_path / "lfw" / name / f"{name}_{number:04d}.jpg").write_bytes(encoded(10 * person + number))
    return tmp_path / "lfw"


def view_2(folds: int, of_each: int) -> str:
    """A list as LFW's, its people and images drawn at random."""
    random = np.random.default_rng(0)
    lines = [f"{folds}\t{of_each}"]
    for _ in range(folds):
        for _ in range(of_each):
            first, second = random.choice(3, 2, replace=False) + 1
            lines.append(f"{random.choice(PEOPLE)}\t{first}\t{second}")
        for _ in range(of_each):
            one, other = random.choice(PEOPLE, 2, replace=False)
            lines.append(f"{one}\t{random.integers(1, 4)}\t{other}\t{random.integers(1, 4)}")
    return "\n".join(lines) + "\n"


def test_view_2_has_ten_folds(tmp_path, images):
    text = view_2(10, 30)
    (tmp_path / "pairs.txt").write_text(text)
    source = LFWPairs(str(images), str(tmp_path / "pairs.txt"))
    source.check()
    assert len(source.pairs) == 600
    np.testing.assert_array_equal(source.folds, np.repeat(np.arange(10), 60))
    np.testing.assert_array_equal(source.same, np.tile([True] * 30 + [False] * 30, 10))
    assert len(source) <= 12
    assert source.people == frozenset(PEOPLE)
    for line, (first, second) in zip(text.splitlines()[1:], source.pairs, strict=True):
        row = line.split("\t")
        one, other = (row[0], row[1]), (row[-2] if len(row) == 4 else row[0], row[-1])
        assert source.name(first).endswith(f"{one[0]}/{one[0]}_000{one[1]}.jpg")
        assert source.name(second).endswith(f"{other[0]}/{other[0]}_000{other[1]}.jpg")


def test_view_1_has_none(tmp_path, images):
    (tmp_path / "pairsDevTest.txt").write_text("1\nP_0\t1\t3\nP_1\t2\tP_2\t1\n")
    source = LFWPairs(str(images), str(tmp_path / "pairsDevTest.txt"))
    assert source.folds is None
    assert source.same.tolist() == [True, False]
    assert shows(21)(source)


def test_extension_is_found_or_given(tmp_path, images):
    (images / "P_0" / "P_0_0001.png").write_bytes(encoded(99))
    (tmp_path / "pairs.txt").write_text("P_0\t1\tP_1\t1\n")
    with pytest.raises(FileNotFoundError, match="images ending in .jpg, .png: give extension="):
        LFWPairs(str(images), str(tmp_path / "pairs.txt")).check()
    assert shows(1, 0)(LFWPairs(str(images), str(tmp_path / "pairs.txt"), ".jpg"))
    (tmp_path / "pairs.txt").write_text("P_1\t1\tP_2\t1\n")
    assert LFWPairs(str(images), str(tmp_path / "pairs.txt")).name(0).endswith("P_1_0001.jpg")
