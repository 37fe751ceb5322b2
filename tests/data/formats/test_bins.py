"""insightface's sets of pairs: what we write, we read, as others do."""

import pickle

import numpy as np
import pytest

from facerec.data import BinPairs, write_bin
from tests.data.cases import encoded, shows


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
