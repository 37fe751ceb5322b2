"""RecordIO: the bytes of MXNet, both ways, with the magic split out of payloads and put back."""

import pickle
import struct
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facerec.data.formats.recordio import MAGIC_BYTES, RecordFile, encode_record, read_index

# Written by MXNet 1.9.1 (MXRecordIOWriterWriteRecord), read from its file
BY_MXNET = {
    b"a": "0a23d7ce010000006100" + "0000",
    b"abcd" + MAGIC_BYTES + b"efgh" + MAGIC_BYTES: "0a23d7ce04000020616263640a23d7ce04000040656667680a23d7ce00000060",
    MAGIC_BYTES * 3 + b"x": "0a23d7ce000000200a23d7ce000000400a23d7ce000000400a23d7ce0100006078000000",
}
PIECES = st.one_of(st.binary(max_size=9), st.just(MAGIC_BYTES), st.just(MAGIC_BYTES[:2]))
PAYLOADS = st.lists(PIECES, max_size=8).map(b"".join)


def parts(record: bytes) -> list[tuple[int, bytes]]:
    """Flag and bytes of each part, by a reader that knows nothing of joining them."""
    found, place = [], 0
    while place < len(record):
        magic, head = struct.unpack_from("<4sI", record, place)
        assert magic == MAGIC_BYTES
        length = head & (1 << 29) - 1
        found.append((head >> 29, record[place + 8 : place + 8 + length]))
        place += 8 + (length + 3) // 4 * 4
    return found


@pytest.mark.parametrize("payload", BY_MXNET)
def test_bytes_are_those_of_mxnet(payload):
    assert encode_record(payload).hex() == BY_MXNET[payload]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(PAYLOADS)
@example(b"")
@example(b"a" + MAGIC_BYTES)
def test_no_part_holds_the_magic_and_together_they_are_the_payload(payload):
    record = encode_record(payload)
    assert len(record) % 4 == 0
    found = parts(record)
    assert MAGIC_BYTES.join(part for _, part in found) == payload
    assert [flag for flag, _ in found] == ([0] if len(found) == 1 else [1, *[2] * (len(found) - 2), 3])
    assert not any(part[i : i + 4] == MAGIC_BYTES for _, part in found for i in range(0, len(part), 4))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=6))
def test_round_trip_by_offset(tmp_path_factory, payloads):
    path = tmp_path_factory.mktemp("rec") / "a.rec"
    records = [encode_record(payload) for payload in payloads]
    path.write_bytes(b"".join(records))
    offsets = np.cumsum([0, *map(len, records)])
    file = RecordFile(path)
    assert [file.read(int(offset)) for offset in offsets[:-1]] == payloads
    assert [file.end_of(int(offset)) for offset in offsets[:-1]] == offsets[1:].tolist()


def test_pickled_it_is_its_path(tmp_path):
    (tmp_path / "a.rec").write_bytes(encode_record(b"face"))
    file = RecordFile(tmp_path / "a.rec")
    assert file.read(0) == b"face"
    assert len(pickle.dumps(file)) < 1000
    assert pickle.loads(pickle.dumps(file)).read(0) == b"face"


def test_index_is_sorted_by_key(tmp_path):
    (tmp_path / "a.idx").write_text("2\t80\n0\t0\n\n1\t40\n")
    keys, offsets = read_index(tmp_path / "a.idx")
    assert keys.tolist() == [0, 1, 2]
    assert offsets.tolist() == [0, 40, 80]


def test_payload_too_long_for_its_length_field():
    class Long(bytes):
        def __len__(self):
            return 2**29

    with pytest.raises(ValueError, match="536,870,912 bytes"):
        encode_record(Long())


def test_a_record_of_millions_of_empty_parts_is_refused_at_once(tmp_path):
    first, middle, last = (struct.pack("<4sI", MAGIC_BYTES, flag << 29) for flag in (1, 2, 3))
    (tmp_path / "a.rec").write_bytes(first + middle * 1_000_000 + last)
    started = time.process_time()
    with pytest.raises(ValueError, match=r"a\.rec: the record at byte 0 is cut in more than 1000 parts"):
        RecordFile(tmp_path / "a.rec").read(0)
    assert time.process_time() - started < 1
    (tmp_path / "b.rec").write_bytes(encode_record(MAGIC_BYTES * 900))
    assert RecordFile(tmp_path / "b.rec").read(0) == MAGIC_BYTES * 900
