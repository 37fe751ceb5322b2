"""Sources that align their images as they read them."""

import numpy as np
import pytest
import torch

from facerec.align import TEMPLATES, Alignment, align_face
from facerec.align.record import RECORD_FILE, record_text
from facerec.data import AllPairs, FolderImages, LandmarkImages, LandmarkPairs, ListPairs, read_image
from tests.conftest import save_face
from tests.data.formats.test_landmarks import POINTS, listed

ARRAY = np.array([float(value) for value in POINTS.split("\t")]).reshape(5, 2)


@pytest.fixture
def images(tmp_path):
    for person in (1, 2):
        for image in (1, 2):
            save_face(person, image, tmp_path / "images" / f"p {person}" / f"{image}.png")
    return tmp_path / "images"


def test_casia_lists_carry_labels(tmp_path, images):
    file = listed(tmp_path, f"p 2/1.png\t900\t{POINTS}\r\n\np 1/1.png\t7\t{POINTS}\np 2/2.png\t900\t{POINTS}\n")
    source = LandmarkImages(str(images), file, template="96x112", detector="mtcnn")
    source.check()
    assert source.identities == ["7", "900"]
    np.testing.assert_array_equal(source.labels, [1, 0, 1])
    expected = align_face(read_image(images / "p 2" / "2.png"), ARRAY, TEMPLATES["96x112"])
    assert torch.equal(source.read(2), expected)
    assert expected.shape == (3, 112, 96)
    assert source.alignment == Alignment("mtcnn", "", "96x112")


def test_without_labels_the_folder_is_the_person(tmp_path, images):
    source = LandmarkImages(str(images), listed(tmp_path, f"p 2/1.png\t{POINTS}\np 1/1.png\t{POINTS}\n"))
    assert source.identities == ["p 1", "p 2"]
    np.testing.assert_array_equal(source.labels, [1, 0])
    flat = LandmarkImages(str(images / "p 1"), listed(tmp_path, f"1.png {POINTS.replace(chr(9), ' ')}\n"))
    with pytest.raises(ValueError, match=r"'1.png' is in no folder of a person"):
        flat.check()


def test_pairs_with_lfw_landmarks(tmp_path, images):
    (tmp_path / "pairs.txt").write_text("p 1/1.png\tp 1/2.png\t1\np 1/1.png\tp 2/1.png\t0\n")
    unaligned = ListPairs(str(images), str(tmp_path / "pairs.txt"))
    every = "".join(f"p {person}/{image}.png\t{POINTS}\n" for person in (1, 2) for image in (1, 2))
    pairs = LandmarkPairs(unaligned, str(images), listed(tmp_path, every))
    pairs.check()
    assert len(pairs) == 3
    np.testing.assert_array_equal(pairs.same, [True, False])
    np.testing.assert_array_equal(pairs.pairs, [[0, 1], [0, 2]])
    assert pairs.people == {"p 1", "p 2"}
    np.testing.assert_array_equal(pairs.subjects, [0, 0, 1])
    assert torch.equal(pairs.read(2), align_face(read_image(images / "p 2" / "1.png"), ARRAY, TEMPLATES["112x112"]))
    listed(tmp_path, f"p 1/1.png\t{POINTS}\n")
    short = LandmarkPairs(unaligned, str(images), str(tmp_path / "landmarks.txt"))
    with pytest.raises(ValueError, match=r"landmarks.txt holds no landmarks of p 1/2.png, one of 2 images"):
        short.check()
    with pytest.raises(ValueError, match=r"is not below images='elsewhere'"):
        LandmarkPairs(unaligned, "elsewhere", str(tmp_path / "landmarks.txt")).check()


def test_sources_know_how_they_were_aligned(tmp_path, images):
    assert FolderImages(str(images)).alignment is None
    (tmp_path / RECORD_FILE).write_text('{"by": "another program"}')
    assert FolderImages(str(images)).alignment is None
    alignment = Alignment("yunet", "yuface 1", "112x112", "central", 0.6)
    (tmp_path / RECORD_FILE).write_text(record_text(alignment, complete=True))
    assert FolderImages(str(images)).alignment == alignment
    assert AllPairs(FolderImages(str(images))).alignment == alignment
    file = listed(tmp_path, f"p 1/1.png\t{POINTS}\n")
    assert str(LandmarkImages(str(images), file, "96x112").alignment) == "yunet (yuface 1) to 96x112"
    with pytest.raises(ValueError, match=r"detector='mtcnn', but .*alignment.json says .* found by 'yunet'"):
        _ = LandmarkImages(str(images), file, detector="mtcnn").alignment
    (tmp_path / RECORD_FILE).write_text(record_text(alignment).replace('"template"', '"templ"'))
    with pytest.raises(ValueError, match=r"alignment.json is not a record of `facerec align` any more"):
        _ = FolderImages(str(images)).alignment


def test_two_folders_of_one_name_may_be_two_people(tmp_path):
    names = [f"{person}/session1/{image}.png" for person in (1, 2) for image in (1, 2)]
    for name in names:
        save_face(int(name[0]), 1, tmp_path / name)
    (tmp_path / "points.txt").write_text("".join(f"{name} 30 50 60 50 45 70 32 85 58 85\n" for name in names))
    with pytest.raises(ValueError, match="1/session1 and 2/session1 may be one person or two, and the list has no lab"):
        LandmarkImages(str(tmp_path), str(tmp_path / "points.txt")).check()


def test_what_is_missing_or_does_not_fit(tmp_path, images):
    with pytest.raises(FileNotFoundError, match="no list"):
        LandmarkImages(str(images), str(tmp_path / "none.txt")).check()
    file = listed(tmp_path, f"p 1/9.png\t{POINTS}\n")
    with pytest.raises(FileNotFoundError, match=r"landmarks.txt names .*9.png, which is not there"):
        LandmarkImages(str(images), file).check()
    with pytest.raises(FileNotFoundError, match="no folder"):
        LandmarkImages(str(tmp_path / "none"), file).check()
    file = listed(tmp_path, "p 1/1.png\t" + "\t".join(str(200 + value) for value in range(10)))
    with pytest.raises(ValueError, match=r"landmarks.txt does not fit .*1.png: .* outside the image of 92 x 112"):
        LandmarkImages(str(images), file).read(0)
