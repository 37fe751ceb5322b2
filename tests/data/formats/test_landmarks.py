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


@pytest.mark.parametrize("quoted", ['"n000001/0001_01"', "n000001/0001_01", "n000001/0001_01.jpg"])
def test_the_table_of_vggface2(tmp_path, quoted):
    path = tmp_path / "loose_landmark_test.csv"
    header = "NAME_ID,P1X,P1Y,P2X,P2Y,P3X,P3Y,P4X,P4Y,P5X,P5Y"
    path.write_text(f"{header}\n{quoted},75.8,110.2,103.2,104.6,-90.1,130.2,80.5,150,100,148\n")
    landmarks = read_landmarks(path, tmp_path)
    assert landmarks.names == ["n000001/0001_01.jpg"]
    assert landmarks.labels is None
    assert landmarks.points[0, 2].tolist() == [-90.1, 130.2]


COLUMNS = [f"{part}_{axis}" for part in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy"]


@pytest.mark.parametrize(
    "text",
    [
        f"202599\n{' '.join(COLUMNS)}\n000001.jpg  69 109  106  113   77  142   73  152  108  154\n",
        f"image_id,{','.join(COLUMNS)}\n000001.jpg,69,109,106,113,77,142,73,152,108,154\n",
    ],
)
def test_the_lists_of_celeba(tmp_path, text):
    landmarks = read_landmarks(listed(tmp_path, text), tmp_path)
    assert landmarks.names == ["000001.jpg"]
    assert landmarks.points[0].tolist() == [[69, 109], [106, 113], [77, 142], [73, 152], [108, 154]]


def test_a_line_below_names_of_columns_is_named_by_its_own_number(tmp_path):
    path = listed(tmp_path, f"2\n{' '.join(COLUMNS)}\na.jpg 1 2\n")
    with pytest.raises(ValueError, match=r"landmarks\.txt:3: expected"):
        read_landmarks(path, tmp_path)
