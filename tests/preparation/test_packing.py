"""A packing survives being killed, and refuses or reports what cannot be packed."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from facerec.data import FolderImages, PackedImages
from facerec.files import held
from facerec.preparation import pack, pack_plan, packing
from tests.cli.conftest import run
from tests.conftest import save_face


class Killed(BaseException):
    """As sudden as a signal."""


class Fragile(FolderImages):
    """Counts its reads, and dies at one of them."""

    def __init__(self, root, dies_at=None):
        super().__init__(root)
        self.dies_at, self.reads = dies_at, []

    def read(self, index):
        self.reads.append(index)
        if index == self.dies_at:
            raise Killed
        return super().read(index)


@pytest.mark.parametrize("harm", [None, "torn line", "lost pixels", "other images"])
def test_a_killed_packing_goes_on_where_it_was(folder, packed, tmp_path, monkeypatch, harm):
    monkeypatch.setattr(packing, "CHUNK", 3)
    again = str(tmp_path / "again.pack")
    with pytest.raises(Killed):
        pack(Fragile(folder.root, dies_at=10), again, folder.root, (112, 92), threads=1)
    assert not (tmp_path / "again.pack").exists()
    journal = tmp_path / "again.pack.partial.journal"
    if harm == "torn line":
        journal.write_text(journal.read_text()[:-20])
    elif harm == "lost pixels":
        partial = tmp_path / "again.pack.partial"
        partial.write_bytes(partial.read_bytes()[:-10] + bytes(10))
    elif harm == "other images":
        save_face(5, 1, tmp_path / "faces" / "train" / "n000000" / "1.jpg")
        folder = FolderImages(folder.root)
        pack(folder, packed, folder.root, overwrite=True)
        with open(tmp_path / "again.pack.partial", "r+b") as partial:
            partial.write(b"another header" * 50)  # as a kill just before the end leaves one
    rest = Fragile(folder.root)
    done = pack(rest, again, folder.root, (112, 92))
    assert done.resumed == {None: 9, "torn line": 6, "lost pixels": 6, "other images": 0}[harm]
    assert sorted(rest.reads) == list(range(done.resumed, len(folder)))
    with open(again, "rb") as ours, open(packed, "rb") as theirs:
        assert ours.read() == theirs.read()
    assert not journal.exists()


@pytest.mark.parametrize("change", ["another folder", "a changed file", "another way with broken files"])
def test_a_killed_packing_of_other_files_begins_anew(folder, tmp_path, monkeypatch, change):
    monkeypatch.setattr(packing, "CHUNK", 3)
    target = str(tmp_path / "again.pack")
    with pytest.raises(Killed):
        pack(Fragile(folder.root, dies_at=10), target, folder.root, (112, 92), threads=1)
    root, how = folder.root, "raise"
    if change == "another folder":
        root = str(tmp_path / "others")
        shutil.copytree(folder.root, root)
    elif change == "a changed file":
        save_face(9, 9, tmp_path / "faces" / "train" / "n000001" / "1.jpg")
    else:
        how = "skip"
    again = FolderImages(root)
    assert pack(again, target, root, (112, 92), how).resumed == 0
    packed = PackedImages(target)
    assert all(torch.equal(packed.read(index), again.read(index)) for index in range(16))


def test_a_lost_entry_is_not_replaced_by_the_next(folder, packed, tmp_path, monkeypatch):
    """The next one holds no pixels that could tell, as no image of its chunk decodes."""
    monkeypatch.setattr(packing, "CHUNK", 3)
    for name in ("n000002/3.jpg", "n000002/4.jpg", "n000003/1.jpg"):  # images 6 to 8
        (tmp_path / "faces" / "train" / name).write_bytes(b"")
    target = tmp_path / "again.pack"
    with pytest.raises(Killed):
        pack(Fragile(folder.root, dies_at=10), str(target), unreadable="skip", image_size=(112, 92))
    journal = tmp_path / "again.pack.partial.journal"
    header, first, second, third = journal.read_text().splitlines()
    journal.write_text("\n".join([header, first, second[:20], third]) + "\n")
    assert pack(folder, str(target), unreadable="skip", image_size=(112, 92)).resumed == 3
    assert PackedImages(str(target)).labels.tolist() == [0] * 4 + [1] * 2 + [2] * 3 + [3] * 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threads": 0}, "pack threads=0: must be at least 1"),
        ({"unreadable": "ignore"}, "pack unreadable='ignore': choose one of raise, skip"),
        ({"image_size": (0, 40)}, "pack height=0: must be at least 1"),
    ],
)
def test_settings_that_cannot_be(folder, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        pack(folder, str(tmp_path / "x.pack"), **settings)
    assert not list(tmp_path.glob("x.pack*"))


def test_broken_images_stop_or_are_left_out_and_told(vggface_root, tmp_path, capsys):
    (vggface_root / "train" / "n000002" / "3.jpg").write_bytes(b"not an image")
    source, path = str(vggface_root / "train"), str(tmp_path / "train.pack")
    assert run("pack", source, path) == 2
    assert "n000002/3.jpg does not decode" in (err := capsys.readouterr().err)
    assert "--unreadable skip" in err
    assert run("pack", source, path, "--unreadable", "skip") == 1
    out = capsys.readouterr().out
    assert "15 images of 112x92" in out
    assert "left out 1 images that do not decode:" in out
    packed = PackedImages(path)
    packed.pack.verify()
    assert packed.labels.tolist() == [0] * 4 + [1] * 3 + [2] * 4 + [3] * 4
    assert packed.name(6).endswith("n000002/4.jpg")
    for image in (vggface_root / "train" / "n000003").iterdir():
        image.write_bytes(b"")
    with pytest.raises(ValueError, match="no image of 'n000003' decodes"):
        pack(FolderImages(source), str(tmp_path / "other.pack"), unreadable="skip")


def test_sizes_must_agree_or_be_given(vggface_root, tmp_path):
    source = FolderImages(str(vggface_root / "train"))
    with pytest.raises(ValueError, match="is there already: remove it, or replace it with --overwrite"):
        pack(source, str(vggface_root / "val_pairs.txt"))
    Image.new("RGB", (50, 60)).save(vggface_root / "train" / "n000001" / "2.jpg")
    path = str(tmp_path / "small.pack")
    with pytest.raises(ValueError, match=r"60x50 pixels .*others 112x92.*--image_size HEIGHT WIDTH"):
        pack(source, path)
    assert pack(source, path, image_size=(40, 30)).size == (40, 30)
    order = np.arange(16)
    assert torch.equal(PackedImages(path).read_batch(order, (40, 30)), source.read_batch(order, (40, 30)))


def test_a_size_that_differs_late_is_found_too(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pack_plan, "PROBED", 2)  # the first and the last
    save_face(1, 1, tmp_path / "faces" / "train" / "n000003" / "2.png")
    Image.new("RGB", (50, 60)).save(tmp_path / "faces" / "train" / "n000003" / "3.jpg")
    with pytest.raises(ValueError, match=r"n000003/3.jpg has 60x50"):
        pack(FolderImages(folder.root), str(tmp_path / "x.pack"))


def test_two_packings_do_not_write_one_file(folder, tmp_path):
    pytest.importorskip("fcntl")
    path = tmp_path / "train.pack"
    with held(path.with_name("train.pack.partial")), pytest.raises(ValueError, match="written by another process"):
        pack(folder, str(path))
    assert pack(folder, str(path)).images == len(folder)
