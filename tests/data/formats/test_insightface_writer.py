"""Records are written as insightface writes them, or not at all."""

import struct

import pytest

from facerec.data import write_records
from facerec.data.formats.image_records import ENTRY
from facerec.data.formats.recordio import RecordFile


def test_the_layout_is_insightfaces(records):
    """Record 0 and the records of people, by struct alone."""
    offsets = dict(map(int, line.split("\t")) for line in (records / "train.idx").read_text().splitlines())
    file = RecordFile(records / "train.rec")
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


def test_a_failed_writing_leaves_nothing_behind(records, tmp_path):
    before = {path.name: path.read_bytes() for path in records.iterdir()}
    with pytest.raises(FileNotFoundError):
        write_records(records, [records / "property", tmp_path / "none.png"], [0, 1])
    assert {path.name: path.read_bytes() for path in records.iterdir()} == before
