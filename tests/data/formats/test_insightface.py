"""insightface's records: what we write, we read, as others do."""

import pickle

import numpy as np
import pytest
import torch

from facerec.data import RecordImages, write_records
from facerec.data.batches import BatchLoader, SourceDataset, as_loaded
from facerec.data.formats.image_records import ENTRY, decode_entry, encode_entry
from facerec.data.formats.recordio import MAGIC_BYTES, RecordWriter
from tests.data.cases import encoded, shows


def test_records_round_trip_in_the_order_of_people(records):
    source = RecordImages(str(records))
    assert source.identities == ["2", "5", "9"]
    assert source.labels.tolist() == [0, 0, 1, 1, 2]
    assert all(shows(value, index)(source) for index, value in enumerate((1, 2, 0, 4, 3)))
    assert (records / "property").read_text() == "10,6,8\n"
    assert sorted(path.name for path in records.iterdir()) == ["property", "train.idx", "train.rec"]


def test_each_worker_opens_the_file_for_itself(records):
    source = RecordImages(str(records))
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
    assert decode_entry(source._file.read(int(source._listing.offsets[2]))).image == image


def test_labels_are_read_from_every_record_where_ranges_do_not_cover_them(records, monkeypatch):
    """The short way, over the records of people, gives what a look at every record gives."""
    short = RecordImages(str(records)).labels
    monkeypatch.setattr(RecordImages, "_labels_of_ranges", lambda *_: None)
    np.testing.assert_array_equal(RecordImages(str(records)).labels, short)


def test_many_plain_records(tmp_path):
    labels = np.random.default_rng(0).integers(0, 50, 3000)
    with (tmp_path / "val.rec").open("wb") as file:
        writer = RecordWriter(file)
        for key, label in enumerate(labels):
            several = key % 3 == 0
            cut = MAGIC_BYTES if key % 5 == 0 else b""
            writer.write(key, encode_entry([float(label), 0.5] if several else float(label), key, cut + b"image"))
    (tmp_path / "val.idx").write_text("".join(writer.index))
    source = RecordImages(str(tmp_path), "val")
    np.testing.assert_array_equal(np.array(source.identities, dtype=int)[source.labels], labels)


def test_a_rounded_number_of_images_is_found(tmp_path):
    """Above 2^24 a float32 holds every second whole number: record 0 may be off by one."""
    images = 2**24
    with (tmp_path / "train.rec").open("wb") as file:
        writer = RecordWriter(file)
        writer.write(0, encode_entry([float(images + 1), float(images + 2)], 0, b""))  # 16,777,217 becomes ...216
        for key in (images - 1, images):
            writer.write(key, encode_entry(3.0, key, encoded(key % 5)))
        writer.write(images + 1, encode_entry([float(images - 1), float(images + 1)], images + 1, b""))
    (tmp_path / "train.idx").write_text("".join(writer.index))
    assert len(RecordImages(str(tmp_path))) == 2


LAST_LINES = [slice(-count, None) for count in (1, 4, 7, 8)]


@pytest.mark.parametrize("lost", [*LAST_LINES, slice(2, 3), slice(1, 2)])
def test_an_index_that_lost_lines_is_refused(records, lost):
    """People, or images of them, would be missing without a word."""
    index = records / "train.idx"
    lines = index.read_text().splitlines(keepends=True)
    assert len(lines) == 1 + 5 + 3
    kept = lines[:]
    del kept[lost]
    index.write_text("".join(kept))
    if lost == slice(-1, None):  # a person's range alone: the images are all there, and tell their labels themselves
        assert RecordImages(str(records)).labels.tolist() == [0, 0, 1, 1, 2]
    else:
        told = r"it lists \d of the images up to 5 .*: lines are missing|is the index of this"
        with pytest.raises(ValueError, match=told):
            len(RecordImages(str(records)))
