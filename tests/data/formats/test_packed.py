"""A pack holds the images it was made of, says so if it does not, and survives being killed."""

import json
import pickle
import zlib

import numpy as np
import pytest
import torch

from facerec.align.record import RECORD_FILE, Alignment, record_text
from facerec.cli import main
from facerec.data import AllPairs, FaceDataModule, FolderImages, ListPairs, PackedImages, PackedPairs
from facerec.data.images import UnreadableImageError
from facerec.data.people import in_both, people_of
from facerec.preparation.packing import pack


def change(path, offset, replacement):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(replacement)


def test_a_pack_is_what_it_was_made_of(folder, packed, tmp_path):
    source = PackedImages(packed)
    source.check()
    assert source.identities == folder.identities
    np.testing.assert_array_equal(source.labels, folder.labels)
    assert [source.pack.names.relative(i) for i in range(16)] == [
        f"n{i // 4 + 1:06d}/{i % 4 + 1}.jpg" for i in range(16)
    ]
    assert source.name(5) == f"{packed}:n000002/2.jpg"
    for index in range(16):
        assert torch.equal(source.read(index), folder.read(index))
    order = np.array([3, 3, 15, 0])
    for size in ((112, 92), (40, 30)):
        assert torch.equal(source.read_batch(order, size), folder.read_batch(order, size))
    assert len(AllPairs(source).pairs) == 120
    source.pack.verify()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["faces", "train.pack"]


def test_nothing_but_the_path_goes_to_another_process(packed):
    source = PackedImages(packed)
    source.check()
    source.read(0)
    sent = pickle.dumps(source)
    assert len(sent) < 500
    assert torch.equal(pickle.loads(sent).read(7), source.read(7))


def test_training_batches_are_those_of_the_files(vggface_root, packed):
    def batches(workers, **sources):
        data = FaceDataModule(str(vggface_root), batch_size=5, image_size=(32, 32), num_workers=workers, **sources)
        data.setup("fit")
        return list(data.train_dataloader())

    expected = batches(0)
    assert len(expected) == 3
    for workers in (0, 2):
        for ours, theirs in zip(batches(workers, train=PackedImages(packed)), expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "is truncated: .* bytes instead of"),
        (lambda data: data[:50_000], "is truncated"),
        (lambda data: data[:100], "header of the pack is damaged"),
        (lambda data: data + b"\0", "is too long"),
        (lambda data: b"", "is not a pack of images"),
        (lambda data: b"\xff\xd8\xff\xe0" + data[4:], "is not a pack of images: make one with 'facerec pack"),
        (lambda data: data[:12] + b"\x02" + data[13:], "version 2, this facerec reads 1"),
        (lambda data: data[:40] + b"!" + data[41:], "header of the pack is damaged"),
        (lambda data: data[:16] + b"\xff" * 8 + data[24:], "header of the pack is damaged"),
        (lambda data: data[:-1] + b"?", "index of the pack is damaged"),
    ],
)
def test_what_is_no_whole_pack_is_refused_at_once(packed, damage, message):
    with open(packed, "rb") as file:
        data = file.read()
    with open(packed, "wb") as file:
        file.write(damage(data))
    with pytest.raises(ValueError, match=message):
        PackedImages(packed).check()


def test_damaged_pixels_are_found_before_training(packed, vggface_root, capsys):
    header = PackedImages(packed).pack.header
    change(packed, header.pixels_at + 6 * 3 * 112 * 92 + 1000, b"\x00\xff\x00")
    with pytest.raises(UnreadableImageError, match="train.pack:n000002/3.jpg: its pixels are damaged"):
        PackedImages(packed).pack.verify()
    with pytest.raises(UnreadableImageError, match=r"1 of 16 training images do not decode.*n000002/3.jpg"):
        FaceDataModule(str(vggface_root), train=PackedImages(packed), image_size=(32, 32)).setup("fit")
    with pytest.raises(SystemExit):
        main(["pack", packed, "--verify"])
    assert "n000002/3.jpg: its pixels are damaged" in capsys.readouterr().err


def test_missing_pack_says_how_to_make_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="no pack .*none.pack: make one with 'facerec pack SRC"):
        PackedImages(str(tmp_path / "none.pack")).check()


def test_pairs_read_from_a_pack(vggface_root, tmp_path, capsys):
    lists = [str(vggface_root / "val_pairs.txt"), str(vggface_root / "test_pairs.txt")]
    images, path = str(vggface_root / "ver_data"), str(tmp_path / "pairs.pack")
    main(["pack", images, path, "--pairs", *lists])
    assert "12 images of 112x92" in capsys.readouterr().out
    for file in lists:
        ours, theirs = PackedPairs(path, file), ListPairs(images, file)
        ours.check()
        np.testing.assert_array_equal(ours.pairs, theirs.pairs)
        np.testing.assert_array_equal(ours.same, theirs.same)
        assert torch.equal(ours.read_batch(np.arange(6), (32, 32)), theirs.read_batch(np.arange(6), (32, 32)))
        assert torch.equal(ours.read(4), theirs.read(4))
        assert ours.name(4) == f"{path}:{theirs.paths.relative(4)}"
    with pytest.raises(ValueError, match=r"names no people: it was packed for pairs"):
        PackedImages(path).check()
    with open(lists[0], "a") as file:
        file.write("30_1.jpg 99_9.jpg 0\n")
    with pytest.raises(FileNotFoundError, match=r"val_pairs.txt names 99_9.jpg, which is not in .*pairs.pack"):
        PackedPairs(path, lists[0]).check()


@pytest.mark.parametrize("way", ["root", "list", "hw2p2"])
def test_what_the_command_takes_for_a_source(vggface_root, packed, tmp_path, way, capsys):
    other = str(tmp_path / "other.pack")
    if way == "root":
        main(["pack", str(vggface_root), other, "--part", "train"])
    else:
        images = vggface_root / "train"
        lines = [f"n{i // 4 + 1:06d}/{i % 4 + 1}.jpg {i // 4}" for i in range(16)]
        if way == "list":
            (tmp_path / "list.txt").write_text("\n".join(lines))
            main(["pack", str(images), other, "--labels_file", str(tmp_path / "list.txt")])
        else:
            images.rename(tmp_path / "images")
            (tmp_path / "labels.txt").write_text("\n".join(lines))
            main(["pack", str(tmp_path), other])
    first, second = PackedImages(packed), PackedImages(other)
    assert len(second) == 16
    assert list(first.pack.names) == list(second.pack.names)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.pack.pixels, second.pack.pixels)


def test_a_root_is_not_mistaken_for_people_and_help_has_examples(vggface_root, tmp_path, capsys):
    for arguments in ([str(vggface_root), str(tmp_path / "x")], [str(vggface_root)]):
        with pytest.raises(SystemExit):
            main(["pack", *arguments])
    err = capsys.readouterr().err
    assert "say which part, --part train or --part dev" in err
    assert "give SRC and DST, or --verify and a pack" in err
    with pytest.raises(SystemExit):
        main(["pack", "--help"])
    assert "facerec pack DATA/train train.pack" in capsys.readouterr().out


def test_the_file_is_as_its_description_says(packed, folder):
    with open(packed, "rb") as file:
        data = file.read()
    assert data[:16] == b"facerec pack\x01\0\0\0"
    length = int.from_bytes(data[16:24], "little")
    header = json.loads(data[24 : 24 + length])
    pixels = folder.read(0).numpy().tobytes()
    assert data[header["pixels_at"] :][: len(pixels)] == pixels
    end = header["pixels_at"] + 16 * len(pixels)
    assert np.frombuffer(data, "<i8", 16, end).tolist() == folder.labels.tolist()  # 16 x 30,912 is a multiple of 8
    assert np.frombuffer(data, "<u4", 1, end + 16 * 16)[0] == zlib.crc32(pixels)


def test_a_pack_says_how_its_faces_were_aligned(vggface_root, tmp_path):
    aligned = Alignment("yunet", "1.0", "112x112")
    root = vggface_root / "train"
    assert pack(FolderImages(str(root)), str(tmp_path / "unknown.pack"), str(root)).images
    assert PackedImages(str(tmp_path / "unknown.pack")).alignment is None
    (root / RECORD_FILE).write_text(record_text(aligned))
    pack(FolderImages(str(root)), str(tmp_path / "known.pack"), str(root))
    images = PackedImages(str(tmp_path / "known.pack"))
    assert images.alignment == AllPairs(images).alignment == aligned
    names = [images.pack.names.relative(index) for index in (0, 1)]
    (tmp_path / "pairs.txt").write_text(" ".join(names) + " 1\n")
    assert PackedPairs(images.path, str(tmp_path / "pairs.txt")).alignment == aligned


def test_people_of_a_pack_are_those_of_its_folders(vggface_root, packed, tmp_path):
    """Packing must not hide that a person is trained on and tested."""
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("n000002/1.jpg n000002/2.jpg 1\nn000002/1.jpg n000003/1.jpg 0\n")
    ways = [ListPairs(str(vggface_root / "train"), str(pairs)), PackedPairs(packed, str(pairs))]
    for measured in ways:
        assert in_both(people_of(PackedImages(packed)), people_of(measured)) == {"n000002", "n000003"}
        data = FaceDataModule(train=PackedImages(packed), val_pairs={"p": measured}, image_size=(32, 32))
        with pytest.warns(UserWarning, match="2 people are in both the training people and the val pairs"):
            data.setup("fit")


def test_what_cannot_be_packed_to_is_told_before_work(folder, tmp_path, capsys):
    (tmp_path / "a.folder").mkdir()
    (tmp_path / "a.file").touch()
    for target, message in (("a.folder", "is a folder: give the name of a file"), ("a.file/x.pack", "exist")):
        assert run_pack(folder.root, tmp_path / target, "--overwrite") == 2
        assert message in capsys.readouterr().err
    assert run_pack(tmp_path / "a.folder", "--verify") == 2
    assert "facerec pack:" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.partial*"))


def run_pack(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["pack", *map(str, arguments)])
    return stopped.value.code
