"""insightface's two formats: what we write, we read, as others do."""

import pickle
import resource
import struct

import numpy as np
import pytest
import torch

from facerec.data import BinPairs, RecordImages, write_bin, write_records
from facerec.data.batches import BatchLoader, SourceDataset, as_loaded
from facerec.data.formats.insightface import ENTRY, pack, unpack
from facerec.data.formats.recordio import MAGIC_BYTES, RecordFile, RecordWriter
from tests.data.cases import encoded, shows

LABELS = [5, 2, 2, 9, 5]


@pytest.fixture
def root(tmp_path):
    paths = [tmp_path / f"{value}.png" for value in range(5)]
    for value, path in enumerate(paths):
        path.write_bytes(encoded(value))
    write_records(tmp_path / "set", paths, LABELS, (6, 8))
    return tmp_path / "set"


def test_records_round_trip_in_the_order_of_people(root):
    source = RecordImages(str(root))
    assert source.identities == ["2", "5", "9"]
    assert source.labels.tolist() == [0, 0, 1, 1, 2]
    assert all(shows(value, index)(source) for index, value in enumerate((1, 2, 0, 4, 3)))
    assert (root / "property").read_text() == "10,6,8\n"
    assert sorted(path.name for path in root.iterdir()) == ["property", "train.idx", "train.rec"]


def test_the_layout_is_insightfaces(root):
    """Record 0 and the records of people, by struct alone."""
    offsets = dict(map(int, line.split("\t")) for line in (root / "train.idx").read_text().splitlines())
    file = RecordFile(root / "train.rec")
    assert list(offsets) == list(range(9))

    def labels(key):
        payload = file.read(offsets[key])
        count = struct.unpack_from("<I", payload)[0]
        assert len(payload) == 24 + 4 * count
        return struct.unpack_from(f"<{count}f", payload, 24)

    assert labels(0) == (6.0, 9.0)
    assert [labels(key) for key in (6, 7, 8)] == [(1.0, 3.0), (3.0, 5.0), (5.0, 6.0)]
    flag, label, number, _ = ENTRY.unpack_from(file.read(offsets[4]))
    assert (flag, label, number) == (0, 5.0, 4)


def test_each_worker_opens_the_file_for_itself(root):
    source = RecordImages(str(root))
    dataset = SourceDataset(source, (6, 8))
    alone, _, _ = dataset.__getitems__(list(range(5)))
    batch = next(iter(BatchLoader(dataset, 5, num_workers=1, collate_fn=as_loaded, multiprocessing_context="fork")))
    torch.testing.assert_close(batch.images, alone, rtol=0, atol=0)
    assert batch.labels.tolist() == [0, 0, 1, 1, 2]
    sent = pickle.dumps(source)  # as a spawned worker gets it: without the content of the file
    assert encoded(3) not in sent
    assert shows(3)(pickle.loads(sent))


def test_a_record_that_holds_the_magic_is_split_and_joined(tmp_path):
    """An image with the magic behind its end decodes, and its label is found though its first part is the header."""
    image = encoded(7)
    image += bytes(-(ENTRY.size + len(image)) % 4) + MAGIC_BYTES + b"end"
    write_records(tmp_path, [encoded(1), image, image], [0, 0, 1])
    assert MAGIC_BYTES + b"end" not in (tmp_path / "train.rec").read_bytes()
    source = RecordImages(str(tmp_path))
    assert source.labels.tolist() == [0, 0, 1]
    assert shows(7)(source)
    assert unpack(source._file.read(int(source._listing.offsets[2]))).image == image


def test_labels_are_read_from_every_record_where_ranges_do_not_cover_them(root, monkeypatch):
    """The short way, over the records of people, gives what a look at every record gives."""
    short = RecordImages(str(root)).labels
    monkeypatch.setattr(RecordImages, "_from_ranges", lambda *_: None)
    np.testing.assert_array_equal(RecordImages(str(root)).labels, short)


def test_many_plain_records(tmp_path):
    labels = np.random.default_rng(0).integers(0, 50, 3000)
    with (tmp_path / "val.rec").open("wb") as file:
        writer = RecordWriter(file)
        for key, label in enumerate(labels):
            several = key % 3 == 0
            cut = MAGIC_BYTES if key % 5 == 0 else b""
            writer.write(key, pack([float(label), 0.5] if several else float(label), key, cut + b"image"))
    (tmp_path / "val.idx").write_text("".join(writer.index))
    source = RecordImages(str(tmp_path), "val")
    np.testing.assert_array_equal(np.array(source.identities, dtype=int)[source.labels], labels)


def test_a_rounded_number_of_images_is_found(tmp_path):
    """Above 2^24 a float32 holds every second whole number: record 0 may be off by one."""
    images = 2**24
    with (tmp_path / "train.rec").open("wb") as file:
        writer = RecordWriter(file)
        writer.write(0, pack([float(images + 1), float(images + 2)], 0, b""))  # 16,777,217 becomes ...216
        for key in (images - 1, images):
            writer.write(key, pack(3.0, key, encoded(key % 5)))
        writer.write(images + 1, pack([float(images - 1), float(images + 1)], images + 1, b""))
    (tmp_path / "train.idx").write_text("".join(writer.index))
    assert len(RecordImages(str(tmp_path))) == 2


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ([], [], "0 images"),
        ([b"x"], [1, 2], "1 images and labels of shape"),
        ([b"x"], [-1], "whole numbers from 0"),
        ([b"x"], [0.5], "whole numbers from 0"),
        ([b"x"], [2**24], "whole numbers from 0 to 16777215"),
    ],
)
def test_records_that_cannot_be_written(tmp_path, images, labels, message):
    with pytest.raises(ValueError, match=message):
        write_records(tmp_path, images, labels)


def test_a_failed_writing_leaves_nothing_behind(root, tmp_path):
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    with pytest.raises(FileNotFoundError):
        write_records(root, [root / "property", tmp_path / "none.png"], [0, 1])
    assert {path.name: path.read_bytes() for path in root.iterdir()} == before


def test_bin_round_trip_and_each_image_once(tmp_path):
    a, b, c = (encoded(value) for value in range(3))
    (tmp_path / "c.png").write_bytes(c)
    write_bin(tmp_path / "set.bin", [a, b, a, tmp_path / "c.png", b, b], [False, False, True])
    source = BinPairs(str(tmp_path / "set.bin"))
    assert source.pairs.tolist() == [[0, 1], [0, 2], [1, 1]]
    assert source.same.tolist() == [False, False, True]
    assert len(source) == 3
    assert all(shows(value, value)(source) for value in range(3))
    assert source.name(2).endswith("set.bin, image 3")
    copy = pickle.loads(pickle.dumps(source))
    assert shows(2, 2)(copy)
    with (tmp_path / "set.bin").open("rb") as file:  # as insightface reads it
        assert pickle.load(file, encoding="bytes") == ([a, b, a, c, b, b], [False, False, True])
    with pytest.raises(ValueError, match="3 images for 2 pairs"):
        write_bin(tmp_path / "x.bin", [a, b, c], [True, False])


def test_bin_folds_are_those_of_scikit_learn(tmp_path):
    from sklearn.model_selection import KFold

    write_bin(tmp_path / "set.bin", [encoded()] * 46, [True] * 23)
    folds = BinPairs(str(tmp_path / "set.bin")).folds
    for number, (_, held_out) in enumerate(KFold(10).split(np.zeros(23))):
        assert np.flatnonzero(folds == number).tolist() == held_out.tolist()


LAST_LINES = [slice(-count, None) for count in (1, 4, 7, 8)]


@pytest.mark.parametrize("lost", [*LAST_LINES, slice(2, 3), slice(1, 2)])
def test_an_index_that_lost_lines_is_refused(root, lost):
    """People, or images of them, would be missing without a word."""
    index = root / "train.idx"
    lines = index.read_text().splitlines(keepends=True)
    assert len(lines) == 1 + 5 + 3
    kept = lines[:]
    del kept[lost]
    index.write_text("".join(kept))
    if lost == slice(-1, None):  # a person's range alone: the images are all there, and tell their labels themselves
        assert RecordImages(str(root)).labels.tolist() == [0, 0, 1, 1, 2]
    else:
        told = r"it lists \d of the images up to 5 .*: lines are missing|is the index of this"
        with pytest.raises(ValueError, match=told):
            len(RecordImages(str(root)))


def test_a_pickle_of_ten_bytes_does_not_take_gigabytes(tmp_path):
    """It puts a thing at place 2^27 of the pickle's memo, for which the unpickler in C makes room up to there."""
    path = tmp_path / "bomb.bin"
    path.write_bytes(b"\x80\x02Nr" + (1 << 27).to_bytes(4, "little") + b".")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"bomb\.bin"):
        BinPairs(str(path)).check()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
