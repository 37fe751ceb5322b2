"""Lines and columns of lists, whatever they list."""

from pathlib import Path

import pytest

from facerec.data.formats.rows import add_once, image_folder, inside, read_rows, split_rows, whole_number


def test_tabs_go_before_spaces_and_blank_lines_count(tmp_path):
    (tmp_path / "list.txt").write_bytes("\ufeffa b.png\t1\r\n\r\nc.png  2\n".encode())
    assert list(read_rows(tmp_path / "list.txt", (2,), "image label")) == [(1, ["a b.png", "1"]), (3, ["c.png", "2"])]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a/b.png", "a/b.png"), ("./a//b.png", "a/b.png"), ("a/./b.png", "a/b.png"), ("a..b.png", "a..b.png")],
)
def test_one_file_has_one_name(path, expected):
    assert inside(Path("images"), path, "list.txt:1") == expected


@pytest.mark.parametrize("path", ["/a.png", "../a.png", "a/../../b.png"])
def test_a_path_that_leaves_the_folder_is_refused(path):
    with pytest.raises(ValueError, match=r"list.txt:1: .* leaves the folder of images images: give a path below it"):
        inside(Path("images"), path, "list.txt:1")


@pytest.mark.parametrize("label", ["", "-1", "1.0", "one", "٣", str(2**63)])
def test_a_label_is_a_whole_number(label):
    assert whole_number("007", "list.txt:1", "image label") == 7
    with pytest.raises(ValueError, match="list.txt:1: label .* is not a whole number from 0; expected 'image label'"):
        whole_number(label, "list.txt:1", "image label")


def test_an_image_is_listed_once():
    lines = {}
    add_once(lines, "a.png", 1, "list.txt:1")
    with pytest.raises(ValueError, match=r"list.txt:5: 'a.png' is listed already on line 1"):
        add_once(lines, "a.png", 5, "list.txt:5")
    assert lines == {"a.png": 1}


def test_the_folder_of_the_images_is_named_with_its_list(tmp_path):
    assert image_folder(str(tmp_path), "list.txt") == tmp_path
    with pytest.raises(FileNotFoundError, match=r"no folder none, which holds the images of list.txt"):
        image_folder("none", "list.txt")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a,b.png,c d.png,1"], "refused"),
        (["Ann Lee/1.png,2.png"], [(1, ["Ann Lee/1.png", "2.png"])]),
        (['"a, b.png",c.png,0'], [(1, ["a, b.png", "c.png", "0"])]),
        (["image1,image2", "", "a.png,b.png"], [(3, ["a.png", "b.png"])]),
        (["image1,image2,same", "a.png,b.png,1"], [(2, ["a.png", "b.png", "1"])]),
        (["name,imagenum1,imagenum2,", "Ann,1,4,"], [(2, ["Ann", "1", "4"])]),
        (["one,two", "three,four"], [(1, ["one", "two"]), (2, ["three", "four"])]),  # no names of columns
    ],
)
def test_tables(lines, expected):
    if expected == "refused":
        with pytest.raises(ValueError, match=r"list\.csv:1: expected 'image image 1'"):
            list(split_rows(lines, "list.csv", (2, 3), "image image 1"))
    else:
        assert list(split_rows(lines, "list.csv", (2, 3), "image image 1")) == expected


def test_commas_in_the_names_of_other_lists_stay():
    rows = split_rows(["Doe,John/1.png Doe,John/2.png 1"], "pairs.txt", (2, 3), "")
    assert list(rows) == [(1, ["Doe,John/1.png", "Doe,John/2.png", "1"])]
