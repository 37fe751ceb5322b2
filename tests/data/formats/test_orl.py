import numpy as np
import pytest

from facerec.data import AllPairs, ORLImages, ORLPairs
from facerec.data.formats.orl import find_orl, orl_people


def test_default_split_is_the_documented_one():
    assert orl_people("train") == orl_people("dev") == list(range(1, 25))
    assert orl_people("val") == list(range(25, 31))
    assert orl_people("test") == list(range(31, 41))
    assert len(ORLImages("train")) == 24 * 8
    assert len(ORLImages("dev")) == 24 * 2
    pairs = ORLPairs("test")
    assert (int(pairs.same.sum()), int((~pairs.same).sum())) == (450, 4500)


@pytest.mark.parametrize("fold", [1, 2, 3, 4])
@pytest.mark.parametrize("validation", [1, 3, 5])
def test_nobody_is_in_two_groups(fold, validation):
    groups = [set(orl_people(part, fold, validation)) for part in ("train", "val", "test")]
    assert [len(group) for group in groups] == [24, 6, 10]
    assert len(set.union(*groups)) == 40


def test_five_validation_groups_are_the_thirty_people_outside_the_test():
    groups = [ORLPairs("val", validation=group).people for group in (1, 2, 3, 4, 5)]
    assert len(frozenset.union(*groups)) == 30
    with pytest.raises(ValueError, match="validation=6"):
        ORLImages("train", validation=6)


def test_train_and_dev_share_people_but_no_image():
    train, dev = ORLImages("train"), ORLImages("dev")
    assert train.identities == dev.identities
    assert not {train.name(i) for i in range(len(train))} & {dev.name(i) for i in range(len(dev))}
    assert train.read(0).shape == (3, 112, 92)
    np.testing.assert_array_equal(np.bincount(train.labels), np.full(24, 8))


def test_all_pairs_are_all_and_none_twice():
    pairs = AllPairs(ORLImages("val"))
    assert len({tuple(sorted(pair)) for pair in pairs.pairs.tolist()}) == 60 * 59 // 2 == len(pairs.pairs)
    assert (pairs.pairs[:, 0] != pairs.pairs[:, 1]).all()
    with pytest.raises(ValueError, match="1,770 pairs"):
        _ = AllPairs(ORLImages("val"), max_images=59).pairs


def test_own_copy_and_what_to_do_without_one(tmp_path, monkeypatch):
    source = ORLImages("train", root=str(find_orl()))
    source.check()
    with pytest.raises(FileNotFoundError, match="no s1/1.pgm there"):
        ORLImages("train", root=str(tmp_path)).check()
    monkeypatch.setattr("facerec.data.formats.orl.metadata.files", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r'pip install "facerec\[demo\]"'):
        find_orl()
    with pytest.raises(ValueError, match="fold=5"):
        ORLImages("train", fold=5)
