"""What all listed images share: the listing is made once, when it is first asked for."""

import numpy as np
import torch

from facerec.data import read_image
from facerec.data.formats.listings import FileImages, FileListing
from facerec.data.paths import PathList
from tests.conftest import save_face


class Counted(FileImages):
    """Two files of two people."""

    def __init__(self, root):
        self.root = root
        self.found = 0

    def find(self):
        self.found += 1
        return FileListing(["ann", "bob"], np.array([1, 0]), PathList(self.root, ["bob/1.png", "ann/1.png"]))


def test_a_listing_is_made_once_and_late(tmp_path):
    source = Counted(str(tmp_path))
    assert source.found == 0
    assert len(source) == 2
    assert source.identities == ["ann", "bob"]
    assert source.labels.tolist() == [1, 0]
    assert source.found == 1


def test_files_are_read_and_named_by_their_paths(tmp_path):
    source = Counted(str(tmp_path))
    save_face(3, 1, tmp_path / "bob" / "1.png")
    assert source.name(0) == str(tmp_path / "bob" / "1.png")
    assert torch.equal(source.read(0), read_image(tmp_path / "bob" / "1.png"))
    assert source.folders() == ["bob", "ann"]
