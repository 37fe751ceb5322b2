"""Numbers counted anew, against np.unique, which sorts."""

import numpy as np
import pytest

from facerec.metrics.numbering import renumber


@pytest.mark.parametrize(("low", "high"), [(0, 5), (-7, 40), (10**12, 10**12 + 30), (-(2**40), 2**40)])
def test_against_a_sort(low, high):
    values = np.random.default_rng(0).integers(low, high, size=(60, 2))
    names, places = np.unique(values, return_inverse=True)
    found_names, found_places = renumber(values)
    assert found_names.tolist() == names.tolist()
    assert found_places.tolist() == places.reshape(60, 2).tolist()


def test_nothing_has_no_numbers():
    names, places = renumber(np.empty((0, 2), dtype=np.int64))
    assert (len(names), places.shape) == (0, (0, 2))


@pytest.mark.parametrize("kind", ["i1", "u1", "u2", "i4", "U4", "f8"])
def test_any_kind_of_number_and_names(kind):
    values = np.random.default_rng(0).integers(0, 120, size=(90, 2)).astype(kind)
    values = values - np.array(100, kind) if kind == "i1" else values
    names, places = np.unique(values, return_inverse=True)
    found_names, found_places = renumber(values)
    assert found_names.tolist() == names.tolist()
    assert found_places.tolist() == places.reshape(90, 2).tolist()
