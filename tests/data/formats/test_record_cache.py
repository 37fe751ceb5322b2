"""The mapped cache of a large index: whole, of these files, open to all processes, and never needed."""

import errno
import multiprocessing
import os
import pickle

import numpy as np
import pytest
import torch

from facerec.data import RecordImages, write_records
from facerec.data.batches import SourceDataset
from facerec.data.formats import record_cache, recordio
from tests.data.cases import encoded, shows

LABELS = [0, 0, 1, 1, 2]


@pytest.fixture(autouse=True)
def _every_index_is_worth_keeping(monkeypatch):
    monkeypatch.setattr(record_cache, "WORTH_KEEPING", 0)


def listed(root):
    source = RecordImages(str(root))
    assert source.identities == ["2", "5", "9"]
    assert source.labels.tolist() == LABELS
    assert all(shows(value, index)(source) for index, value in enumerate((1, 2, 0, 4, 3)))
    return source._listing


@pytest.fixture
def cache(records):
    assert listed(records).is_mapped
    return records / "train.facerec.npy"


def test_a_small_index_is_read_as_text(records, monkeypatch):
    monkeypatch.setattr(record_cache, "WORTH_KEEPING", 1000)
    assert not listed(records).is_mapped
    assert sorted(path.name for path in records.iterdir()) == ["property", "train.idx", "train.rec"]


def test_the_second_start_reads_no_line(records, cache, monkeypatch):
    monkeypatch.setattr(RecordImages, "_read", lambda _: pytest.fail("the index was read"))
    assert listed(records).is_mapped
    assert np.load(cache, mmap_mode="r").dtype == np.int64, "NumPy opens it"
    assert [path.name for path in records.iterdir() if "partial" in path.name] == []


def test_a_write_into_the_arrays_does_not_reach_the_file(records, cache):
    before = cache.read_bytes()
    RecordImages(str(records)).labels[:] = 7
    assert cache.read_bytes() == before
    listed(records)


def truncate(cache):
    cache.write_bytes(cache.read_bytes()[:-8])


def of_another_set(cache):
    other = cache.parent / "other"
    write_records(other, [encoded(1), encoded(2)], [0, 1])
    len(RecordImages(str(other)))
    os.replace(other / "train.facerec.npy", cache)


@pytest.mark.parametrize(
    "spoil",
    [
        truncate,
        of_another_set,
        lambda cache: cache.write_bytes(b""),
        lambda cache: cache.write_bytes(b"\x93NUMPY\x01\x00"),
        lambda cache: cache.write_bytes(b"PK\x03\x04 no array"),
        lambda cache: np.save(cache, np.zeros(3)),
        lambda cache: np.save(cache, np.arange(40).reshape(4, 10)),
        lambda cache: np.save(cache, np.array([{}], dtype=object)),
    ],
)
def test_a_foreign_or_broken_cache_is_made_anew(records, cache, spoil):
    good = cache.read_bytes()
    spoil(cache)
    assert cache.read_bytes() != good
    assert listed(records).is_mapped
    assert cache.read_bytes() == good


@pytest.mark.parametrize("changed", ["train.rec", "train.idx"])
def test_a_cache_of_older_files_is_made_anew(records, cache, changed):
    status = (records / changed).stat()
    os.utime(records / changed, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    good = cache.read_bytes()
    assert listed(records).is_mapped
    assert cache.read_bytes() != good


def test_records_written_again_are_read_again(records, cache):
    write_records(records, [encoded(4), encoded(3)], [7, 8], image_size=(6, 8))
    source = RecordImages(str(records))
    assert source.identities == ["7", "8"]
    assert shows(4, 0)(source)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), ValueError("nothing may be")])
def test_where_nothing_can_be_written_the_index_is_read(records, monkeypatch, recwarn, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(record_cache.os, "fsync", fail)
    assert not listed(records).is_mapped
    told = [str(warning.message) for warning in recwarn if "could not be written" in str(warning.message)]
    assert ("No space left on device" in told[0]) if isinstance(error, OSError) else not told
    assert sorted(path.name for path in records.iterdir()) == ["property", "train.idx", "train.rec"]


def test_too_many_people_for_property_are_refused_with_a_cache_too(records, cache):
    (records / "property").write_text("5,6,8\n")
    with pytest.raises(ValueError, match="5 people, and .*train.rec has the label 9"):
        len(RecordImages(str(records)))


def test_spawned_workers_get_no_array_and_map_the_file(records, cache, monkeypatch):
    monkeypatch.setattr(RecordImages, "_read", lambda _: pytest.fail("the index was read"))
    dataset = SourceDataset(RecordImages(str(records)), (6, 8))
    alone, _, _ = dataset.__getitems__(list(range(5)))
    sent = pickle.dumps(dataset)  # as a spawned worker gets it
    assert b"numpy" not in sent
    images, labels, indices = pickle.loads(sent).__getitems__(list(range(5)))
    torch.testing.assert_close(images, alone, rtol=0, atol=0)
    assert (labels.tolist(), indices.tolist()) == (LABELS, list(range(5)))


def test_other_labels_and_some_images_are_sent(records):
    dataset = SourceDataset(RecordImages(str(records)), (6, 8), [4, 4, 3, 3, 2], np.array([0, 2]))
    copied = pickle.loads(pickle.dumps(dataset))
    assert (copied.labels.tolist(), copied.indices.tolist()) == ([4, 4, 3, 3, 2], [0, 2])


def make_again(root, times):
    record_cache.WORTH_KEEPING = 0
    source = RecordImages(str(root))
    for _ in range(times):
        cache = record_cache.RecordCache(source._file.path, source._index)
        cache.save(source._read())
        found = cache.load()
        assert found is not None, "the file is whole at any time"
        assert found.labels.tolist() == LABELS


def test_processes_may_write_it_at_once(records):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=make_again, args=(records, 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert listed(records).is_mapped
    assert [path.name for path in records.iterdir() if "partial" in path.name] == []


@pytest.mark.parametrize("block", [1, 2, 3, 100])
def test_an_index_is_read_in_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr(recordio, "INDEX_BLOCK", block)
    path = tmp_path / "train.idx"
    path.write_bytes(b"3\t8\r\n\n1 0\n\n\n 2\t4 \n5 12")
    keys, offsets = recordio.read_index(path)
    assert (keys.tolist(), offsets.tolist()) == ([1, 2, 3, 5], [0, 4, 8, 12])
    path.write_bytes(b"3\t8\n\n1 0\n 2 4 4\n")
    with pytest.raises(ValueError, match="train.idx:4: expected 'key <tab> offset', got '2 4 4'"):
        recordio.read_index(path)
