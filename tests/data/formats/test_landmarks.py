"""Lists of landmarks: both kinds, and every malformed line."""

import numpy as np
import pytest

from facerec.data.formats.landmarks import landmark_line, listable, read_landmarks

POINTS = "29\t47\t61\t47\t45\t68\t32\t85\t58\t85"


def listed(tmp_path, text):
    (tmp_path / "landmarks.txt").write_text(text)
    return str(tmp_path / "landmarks.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"a.png\t{POINTS}\t1\t1\n", r"landmarks.txt:1: expected 'image x1 y1"),
        (f"a.png\t{POINTS}\nb.png\t1\n", r"landmarks.txt:2: expected 'image x1 y1"),
        (f"a.png\t{POINTS}\nb.png\t7\t{POINTS}\n", r"landmarks.txt:2: 12 columns, unlike the lines before"),
        (f"a.png\t7\t{POINTS}\nb.png\t{POINTS}\n", r"landmarks.txt:2: 11 columns, unlike the lines before"),
        (f"a.png\t{POINTS}\na.png\t{POINTS}\n", r"landmarks.txt:2: 'a.png' is listed already on line 1"),
        (f"a.png\t-7\t{POINTS}\n", r"landmarks.txt:1: label '-7' is not a whole number"),
        (f"a.png\t{POINTS.replace('29', 'x')}\n", r"landmarks.txt:1: coordinate 'x' is not a number"),
        (f"a.png\t{POINTS.replace('29', 'nan')}\n", r"landmarks.txt:1: a coordinate is not finite"),
        ("a.png" + "\t0" * 10 + "\n", r"landmarks.txt:1: the five points coincide"),
        (f"../a.png\t{POINTS}\n", r"landmarks.txt:1: '../a.png' leaves the folder"),
        (f"a.png\t{POINTS.replace('29', '99')}\n", r"in 1 of 1 faces the left eye is to the right"),
        ("\n", "is empty"),
    ],
)
def test_malformed_lists(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_landmarks(listed(tmp_path, text), tmp_path)


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no list"):
        read_landmarks(tmp_path / "none.txt", tmp_path)


def test_lines_come_back_as_written(tmp_path):
    points = np.random.default_rng(0).uniform(0, 1000, (5, 2)).astype(np.float32)
    points[:, 0].sort()
    file = listed(tmp_path, landmark_line("a b/ä.jpg", points.tolist()))
    back = read_landmarks(file, tmp_path)
    assert back.names == ["a b/ä.jpg"]
    np.testing.assert_array_equal(back.points[0].astype(np.float32), points)
    assert [listable(name) for name in ("a b", "a\tb", "a\nb", " a", "a\u2028b", "\udcff")] == [True] + [False] * 5


def test_one_image_under_two_names_is_told(tmp_path):
    """Else it would have one name and two rows of points, and every later image its neighbour's."""
    text = f"p 1/1.png\t{POINTS}\n./p 1/1.png\t{POINTS}\np 1/2.png\t{POINTS}\n"
    with pytest.raises(ValueError, match=r"landmarks.txt:2: 'p 1/1.png' is listed already on line 1"):
        read_landmarks(listed(tmp_path, text), tmp_path)
