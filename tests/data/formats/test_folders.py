"""Folders of people and of images."""

import numpy as np
import pytest

from facerec.data import FolderImages, UnlabelledImages
from tests.conftest import save_face


def test_folder_of_people(tmp_path):
    for name, count in (("b", 2), ("a", 1), ("ä c", 1)):
        for image in range(1, count + 1):
            save_face(1, image, tmp_path / "root" / name / f"{image}.jpg")
    (tmp_path / "root" / "a" / "notes.txt").write_text("not an image")
    (tmp_path / "root" / ".hidden").mkdir()
    source = FolderImages(str(tmp_path / "root"))
    assert source.identities == ["a", "b", "ä c"]
    np.testing.assert_array_equal(source.labels, [0, 1, 1, 2])
    assert [source.read(index).shape for index in range(4)] == [(3, 112, 92)] * 4
    (tmp_path / "root" / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no images"):
        FolderImages(str(tmp_path / "root")).check()
    with pytest.raises(FileNotFoundError, match="no folder"):
        FolderImages(str(tmp_path / "none")).check()
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="holds no folders"):
        FolderImages(str(tmp_path / "bare")).check()


def test_an_unlabelled_folder_says_what_it_lacks(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*none: expected images"):
        len(UnlabelledImages(str(tmp_path / "none")))
    with pytest.raises(ValueError, match="holds no images"):
        len(UnlabelledImages(str(tmp_path)))


def test_images_too_deep_in_a_folder_are_told(tmp_path):
    for name in ("ann/a.jpg", "ann/session2/b.jpg", "bob/c.jfif", "bob/d.JPE"):
        save_face(1, 1, tmp_path / name)
    source = FolderImages(str(tmp_path))
    with pytest.warns(UserWarning, match="1 images are not used, for example .*session2/b.jpg: they are in"):
        assert len(source) == 3
