"""Every malformed list is an error that names the file, the line and what was expected."""

import numpy as np
import pytest

from facerec.data import ListImages, ListPairs
from tests.conftest import save_face


@pytest.fixture
def images(tmp_path):
    for image in range(1, 5):
        save_face(1, image, tmp_path / "images" / f"{image}.jpg")
    return tmp_path / "images"


def listed(tmp_path, images, text, encoding="utf-8"):
    (tmp_path / "labels.txt").write_bytes(text.encode(encoding))
    return ListImages(str(images), str(tmp_path / "labels.txt"))


def paired(tmp_path, images, text):
    (tmp_path / "pairs.txt").write_text(text)
    return ListPairs(str(images), str(tmp_path / "pairs.txt"))


@pytest.mark.parametrize(
    "text",
    ["1.jpg 7\n2.jpg 7\n3.jpg 90\n", "1.jpg\t7\r\n2.jpg\t7\r\n3.jpg\t90\r\n", "\ufeff1.jpg 7\n\n  2.jpg   7\n3.jpg 90"],
)
def test_labels_with_gaps_and_any_line_ends(tmp_path, images, text):
    source = listed(tmp_path, images, text)
    assert source.identities == ["7", "90"]
    np.testing.assert_array_equal(source.labels, [0, 0, 1])
    source.check()
    assert source.read(2).shape == (3, 112, 92)


def test_identities_are_sorted_as_numbers(tmp_path, images):
    source = listed(tmp_path, images, "1.jpg 100\n2.jpg 20\n3.jpg 3\n")
    assert source.identities == ["3", "20", "100"]
    np.testing.assert_array_equal(source.labels, [2, 1, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.jpg 0\n2.jpg\n", r"labels.txt:2: expected 'image label', got '2.jpg'"),
        ("1.jpg 0 0\n", r"labels.txt:1: expected 'image label'"),
        ("1.jpg 0\n2.jpg one\n", r"labels.txt:2: label 'one' is not a whole number"),
        ("1.jpg 1.0\n", r"labels.txt:1: label '1.0' is not a whole number"),
        ("1.jpg -1\n", r"labels.txt:1: label '-1' is not a whole number"),
        ("1.jpg 99999999999999999999\n", r"labels.txt:1: label"),
        ("1.jpg ٣\n", r"labels.txt:1: label"),
        ("1.jpg 0\n1.jpg 1\n", r"labels.txt:2: '1.jpg' is listed already on line 1"),
        ("../secret.jpg 0\n", r"labels.txt:1: '../secret.jpg' leaves the folder"),
        ("/etc/passwd 0\n", r"labels.txt:1: '/etc/passwd' leaves the folder"),
        ("\n \n", r"labels.txt is empty"),
    ],
)
def test_malformed_labels(tmp_path, images, text, message):
    with pytest.raises(ValueError, match=message):
        listed(tmp_path, images, text).check()


def test_labels_that_are_not_text(tmp_path, images):
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\x00\x01 0\n")
    with pytest.raises(ValueError, match="not UTF-8"):
        ListImages(str(images), str(tmp_path / "labels.txt")).check()


def test_missing_files_are_named(tmp_path, images):
    with pytest.raises(FileNotFoundError, match=r"labels.txt:2: names .*5.jpg, which is not there"):
        listed(tmp_path, images, "1.jpg 0\n5.jpg 1\n").check()
    with pytest.raises(FileNotFoundError, match="no list"):
        ListImages(str(images), str(tmp_path / "none.txt")).check()
    with pytest.raises(FileNotFoundError, match="no folder"):
        ListImages(str(tmp_path / "none"), str(tmp_path / "labels.txt")).check()
    with pytest.raises(FileNotFoundError, match=r"pairs.txt:1: names .*9.jpg"):
        paired(tmp_path, images, "1.jpg 9.jpg 1\n").check()


def test_pairs_hold_each_image_once(tmp_path, images):
    source = paired(tmp_path, images, "1.jpg 2.jpg 1\n2.jpg 3.jpg 0\n1.jpg 3.jpg 0\n1.jpg 1.jpg 1\n")
    assert len(source) == 3
    np.testing.assert_array_equal(source.pairs, [[0, 1], [1, 2], [0, 2], [0, 0]])
    np.testing.assert_array_equal(source.same, [True, False, False, True])
    assert paired(tmp_path, images, "1.jpg 2.jpg\n2.jpg 3.jpg\n").same is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.jpg 2.jpg 2\n", r"pairs.txt:1: third column '2'"),
        ("1.jpg 2.jpg 1\n1.jpg 3.jpg\n", r"pairs.txt:2: 2 columns, unlike the lines before"),
        ("1.jpg 2.jpg\n1.jpg 3.jpg 0\n", r"pairs.txt:2: 3 columns, unlike the lines before"),
        ("1.jpg\n", r"pairs.txt:1: expected 'image image 1"),
        ("1.jpg ../2.jpg 1\n", r"leaves the folder"),
        ("", r"pairs.txt is empty"),
    ],
)
def test_malformed_pairs(tmp_path, images, text, message):
    with pytest.raises(ValueError, match=message):
        paired(tmp_path, images, text).check()


def test_the_folds_of_calfw(tmp_path, images):
    """Marks 1 to 10 are folds of the genuine pairs; the impostor pairs are divided in their order."""
    genuine = [f"{1 + pair % 3}.jpg {fold}\n4.jpg {fold}\n" for fold in range(1, 11) for pair in range(2)]
    impostor = ["1.jpg 0\n2.jpg 0\n", "2.jpg 0\n3.jpg 0\n"] * 10
    source = paired(tmp_path, images, "".join(genuine + impostor))
    assert source.same.tolist() == [True] * 20 + [False] * 20
    expected = np.repeat(np.arange(10), 2)
    np.testing.assert_array_equal(source.folds, np.concatenate([expected, expected]))
    assert source.pairs[0].tolist() == [0, 1]
    source.check()


def test_two_lines_a_pair_without_folds(tmp_path, images):
    source = paired(tmp_path, images, "1.jpg 1\n2.jpg 1\n1.jpg 0\n3.jpg 0\n")
    assert source.same.tolist() == [True, False]
    assert source.folds is None


def test_a_missing_image_of_a_table_is_named_with_its_line(tmp_path, images):
    (tmp_path / "labels.csv").write_text("id,label\n1.jpg,7\n9.jpg,7\n")
    with pytest.raises(FileNotFoundError, match=r"labels\.csv:3: names .*9\.jpg"):
        ListImages(str(images), str(tmp_path / "labels.csv")).check()
