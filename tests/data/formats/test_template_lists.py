"""Tables of templates and pairs of these."""

import numpy as np
import pytest

from facerec.data import TemplatePairs
from facerec.data.people import people_of
from tests.data.cases import encoded, shows

ROWS = [
    ("ann/film/1.png", "a-film", "film 1", 0.9, "ann"),
    ("ann/film/2.png", "a-film", "film 1", 0.5, "ann"),
    ("ann/photo.png", "a-film", "photo 1", 0.99, "ann"),
    ("ann/photo.png", "a-photo", "photo 1", 0.99, "ann"),  # an image of two templates
    ("bob/1.png", "b", "photo 2", 1, "bob"),
    ("eve/1.png", "e", "photo 3", 0.7, "eve"),
]


def write(root, columns=5, heading="image,template,media,score,person"):
    for value, image in enumerate(dict.fromkeys(row[0] for row in ROWS)):
        (root / "images" / image).parent.mkdir(parents=True, exist_ok=True)
        (root / "images" / image).write_bytes(encoded(10 * value))
    lines = [",".join(heading.split(",")[:columns]), *(",".join(map(str, row[:columns])) for row in ROWS)]
    (root / "templates.csv").write_text("\n".join(lines))
    return str(root / "images"), str(root / "templates.csv")


def test_all_pairs_of_templates_of_known_people(tmp_path):
    source = TemplatePairs(*write(tmp_path))
    source.check()
    assert len(source) == 5  # the photograph once
    assert source.templates.names == ["a-film", "a-photo", "b", "e"]
    assert source.templates.images.tolist() == [0, 1, 2, 2, 3, 4]
    assert source.templates.owners.tolist() == [0, 0, 0, 1, 2, 3]
    assert source.templates.media.tolist() == [0, 0, 1, 1, 2, 3]
    assert source.templates.scores.tolist() == [0.9, 0.5, 0.99, 0.99, 1.0, 0.7]
    assert source.templates.first.tolist() == [0, 2, 3, 4]
    assert source.pairs.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert source.same.tolist() == [True] + [False] * 5
    assert source.subjects.tolist() == [0, 0, 1, 2]
    assert people_of(source).names == ["ann", "ann", "ann", "bob", "eve"]
    assert shows(20, 2)(source)


def test_a_list_of_pairs_needs_no_people(tmp_path):
    files = write(tmp_path, columns=3)
    (tmp_path / "pairs.txt").write_text("a-film a-photo 1\nb e 0\n")
    source = TemplatePairs(*files, str(tmp_path / "pairs.txt"))
    assert source.pairs.tolist() == [[0, 1], [2, 3]]
    assert source.same.tolist() == [True, False]
    assert (source.subjects, source.templates.scores, source.folds) == (None, None, None)
    with pytest.raises(ValueError, match="no column person: give pairs_file="):
        TemplatePairs(*files).check()


def test_pairs_that_contradict_the_people_leave_them_unknown(tmp_path):
    files = write(tmp_path)
    (tmp_path / "pairs.txt").write_text("a-film b 1\nb e 0\n")
    assert TemplatePairs(*files, str(tmp_path / "pairs.txt")).subjects is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("image,template", "file,template", "templates.csv:1: no column 'image'"),
        (",0.5,", ",high,", "templates.csv:3: score 'high': expected a number from 0"),
        (",0.5,", ",-1,", "templates.csv:3: score '-1'"),
        (",0.5,", ",,", "templates.csv:3: a score in every row or in none"),
        (",0.5,ann", ",0.5,", "templates.csv:3: a person in every row or in none"),
        ("2.png,a-film,film 1,0.5,ann", "2.png,a-film,film 1,0.5,eve", "template 'a-film' is of 'ann' and of 'eve'"),
        ("ann/film/2.png", "../2.png", "templates.csv:3: .*leaves the folder"),
        (",1,bob", ",0,bob", "template 'b' has no image, or all its detector scores are 0"),
    ],
)
def test_a_malformed_row_is_named(tmp_path, old, new, message):
    images, table = write(tmp_path)
    text = (tmp_path / "templates.csv").read_text()
    assert old in text
    (tmp_path / "templates.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        TemplatePairs(images, table).check()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "pairs.txt is empty"),
        ("a-film z 1\n", "pairs.txt:1: .*templates.csv has no template 'z'"),
        ("a-film b 1\na-film b yes\n", "pairs.txt:2: a-film b yes: expected"),
        ("b b 1\n", "pairs.txt:1: b b 1: expected"),
    ],
)
def test_a_malformed_pair_is_named(tmp_path, text, message):
    files = write(tmp_path)
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(ValueError, match=message):
        TemplatePairs(*files, str(tmp_path / "pairs.txt")).check()


def test_a_missing_image_is_named_with_its_line(tmp_path):
    files = write(tmp_path)
    (tmp_path / "images" / "bob" / "1.png").unlink()
    with pytest.raises(FileNotFoundError, match="templates.csv:6: names .*bob/1.png"):
        TemplatePairs(*files).check()


def test_templates_whose_images_are_all_there_are_complete(tmp_path):
    templates = TemplatePairs(*write(tmp_path)).templates
    assert templates.complete(np.array([0, 2, 4])).tolist() == [False, True, False, True]
