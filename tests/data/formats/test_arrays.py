"""Small sets held in memory: how much of them, and which settings."""

import numpy as np
import pytest

from facerec.data import AllPairs, MNISTImages


def test_the_first_images_of_each_class(mnist):
    source = MNISTImages(mnist, "train", images_per_class=2)
    whole = MNISTImages(mnist, "train")
    assert source.labels.tolist() == [*range(10), *range(10)]
    np.testing.assert_array_equal(source.read(19).numpy(), whole.read(19).numpy())
    assert int(AllPairs(source).same.sum()) == 10


def test_other_images_of_each_class(mnist):
    """Those that are left out keep their names, so that the same image is known in two parts."""
    whole, first = MNISTImages(mnist, "train"), MNISTImages(mnist, "train", images_per_class=2)
    others = MNISTImages(mnist, "train", skip_per_class=2)
    names = [{some.name(index) for index in range(len(some))} for some in (first, others)]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {whole.name(index) for index in range(len(whole))}
    place = int(others.name(0).rpartition(" ")[2])
    np.testing.assert_array_equal(others.read(0).numpy(), whole.read(place).numpy())
    with pytest.raises(ValueError, match="class 0 has .* train images, and skip_per_class=1000 leaves none"):
        len(MNISTImages(mnist, "train", skip_per_class=1000))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"part": "dev"}, "MNISTImages part='dev': choose one of train, test"),
        ({"skip_per_class": -1}, "skip_per_class=-1: must be at least 0"),
        ({"images_per_class": 0}, "images_per_class=0: must be at least 1"),
    ],
)
def test_bad_settings_name_themselves(settings, message):
    with pytest.raises(ValueError, match=message):
        MNISTImages("x", **settings)
