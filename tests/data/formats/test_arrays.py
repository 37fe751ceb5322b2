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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"part": "dev"}, "MNISTImages part='dev': choose one of train, test"),
        ({"images_per_class": 0}, "images_per_class=0: must be at least 1"),
    ],
)
def test_bad_settings_name_themselves(settings, message):
    with pytest.raises(ValueError, match=message):
        MNISTImages("x", **settings)
