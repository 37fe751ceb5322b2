"""Pickles of strangers are read without running what they ask for."""

import datetime
import io
import os
import pickle
import resource

import numpy as np
import pytest

from facerec.data import BinPairs
from facerec.data.formats.unpickle import ForbiddenPickleError, PickledArray, load_bytes_and_booleans


def load(content):
    return load_bytes_and_booleans(io.BytesIO(content))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_bytes_and_booleans_come_through(protocol):
    content = ([b"", b"a face"], [True, False], (1, None))
    assert load(pickle.dumps(content, protocol)) == content


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_bytes_and_booleans_come_through(protocol):
    arrays = [np.arange(5, dtype=np.uint8), np.array([True, False])]
    for array, found in zip(arrays, load(pickle.dumps(arrays, protocol)), strict=True):
        assert isinstance(found, PickledArray)
        np.testing.assert_array_equal(found.array(), array)
    assert load(pickle.dumps(np.True_, protocol)) is True


@pytest.mark.parametrize("wanted", [os.system, eval, datetime.date(2026, 1, 1), np.arange(3.0), np.array([None])])
def test_anything_else_is_refused(wanted):
    with pytest.raises(ForbiddenPickleError, match="asks to run|array of"):
        load(pickle.dumps(wanted))


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps([b"face"])[:-3]])
def test_what_is_no_pickle_says_so(content):
    with pytest.raises(ValueError, match="is truncated or no pickle at all"):
        load(content)


def test_a_pickle_of_ten_bytes_does_not_take_gigabytes(tmp_path):
    """It puts a thing at place 2^27 of the pickle's memo, for which the unpickler in C makes room up to there."""
    path = tmp_path / "bomb.bin"
    path.write_bytes(b"\x80\x02Nr" + (1 << 27).to_bytes(4, "little") + b".")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"bomb\.bin"):
        BinPairs(str(path)).check()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB
