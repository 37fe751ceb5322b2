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
