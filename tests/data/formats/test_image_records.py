"""The payload of image records: labels and an image file, both ways."""

import struct

import numpy as np
import pytest

from facerec.data.formats.image_records import decode_entry, encode_entry, read_entry, read_labels
from facerec.data.formats.recordio import RecordFile, RecordWriter


@pytest.mark.parametrize("labels", [7.0, [3.0, 0.5], [1.0]])
def test_entries_come_back_as_written(labels):
    entry = decode_entry(encode_entry(labels, key=5, image=b"face"))
    np.testing.assert_array_equal(entry.labels, np.atleast_1d(labels))
    assert entry.image == b"face"


def test_the_bytes_are_those_of_mxnet():
    """IRHeader of MXNet's recordio.py: flag, label, id, id2, then the labels if flag counts any."""
    assert encode_entry(7.0, 5, b"face") == struct.pack("<IfQQ", 0, 7.0, 5, 0) + b"face"
    assert encode_entry([7.0, 8.0], 5, b"face") == struct.pack("<IfQQ2f", 2, 0.0, 5, 0, 7.0, 8.0) + b"face"


@pytest.mark.parametrize("payload", [b"", b"x" * 23, struct.pack("<IfQQ", 2, 0.0, 1, 0) + bytes(7)])
def test_a_short_payload_is_refused_with_its_place(tmp_path, payload):
    with pytest.raises(ValueError, match=f"{len(payload)} bytes are shorter than the header of an image record"):
        decode_entry(payload)
    with (tmp_path / "a.rec").open("wb") as file:
        writer = RecordWriter(file)
        writer.write(0, encode_entry(1.0, 0, b""))
        writer.write(1, payload)
    offset = int(writer.index[1].split()[1])
    with pytest.raises(ValueError, match=rf"a.rec, byte {offset}: {len(payload)} bytes are shorter"):
        read_entry(RecordFile(tmp_path / "a.rec"), offset)


def test_labels_of_all_records_are_read_at_once(tmp_path):
    with (tmp_path / "a.rec").open("wb") as file:
        writer = RecordWriter(file)
        for key, labels in enumerate((4.0, [9.0, 0.5], 2.0)):
            writer.write(key, encode_entry(labels, key, b"face"))
    keys, offsets = np.array([line.split() for line in writer.index], dtype=np.int64).T
    assert read_labels(RecordFile(tmp_path / "a.rec"), keys, offsets).tolist() == [4, 9, 2]
    assert read_labels(RecordFile(tmp_path / "a.rec"), keys[:0], offsets[:0]).tolist() == []
