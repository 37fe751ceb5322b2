import numpy as np
import pytest
import torch

from facerec.data import FaceDataModule, ORLImages
from facerec.data.batches import SourceDataset
from facerec.data.kept import LARGEST_KEPT_SET, KeptImages
from facerec.data.sources import ImageSource


class Counted(ORLImages):
    """ORL faces that count what is read."""

    def __init__(self, part):
        super().__init__(part)
        self.read_indices = []

    def read(self, index):
        self.read_indices.append(index)
        return super().read(index)


def test_kept_images_are_those_of_the_source_and_are_read_once():
    source = Counted("train")
    kept = SourceDataset(source, (32, 40), keep=True)
    fresh = SourceDataset(ORLImages("train"), (32, 40))
    for positions in ([5, 2, 5], [2, 7, 190], [7, 5]):
        for first, second in zip(kept.__getitems__(positions), fresh.__getitems__(positions), strict=True):
            np.testing.assert_array_equal(first, second)
    assert sorted(source.read_indices) == [2, 5, 7, 190]


def test_a_batch_is_a_copy_that_may_be_changed():
    kept = KeptImages(ORLImages("dev"), (32, 32))
    before = kept.read_batch(np.array([0])).clone()
    kept.read_batch(np.array([0])).zero_()
    assert torch.equal(kept.read_batch(np.array([0])), before)


def test_an_image_that_does_not_decode_is_read_again_at_its_next_turn():
    class Fragile(Counted):
        is_broken = True

        def read(self, index):
            if self.is_broken:
                raise ValueError("broken")
            return super().read(index)

    source = Fragile("dev")
    kept = KeptImages(source, (32, 32))
    with pytest.raises(ValueError, match="broken"):
        kept.read_batch(np.array([1]))
    source.is_broken = False
    whole = ImageSource.read_batch(ORLImages("dev"), np.array([1]), (32, 32))
    assert torch.equal(kept.read_batch(np.array([1])), whole)


def test_small_sets_are_kept_in_the_training_process_alone():
    def reads_of_two_epochs(**settings):
        source = Counted("train")
        data = FaceDataModule(train=source, image_size=(32, 32), batch_size=64, **settings)
        dataset = data.train_dataset(source.identities)
        source.read_indices.clear()
        for _ in range(2):
            dataset.__getitems__(list(range(192)))
        return len(source.read_indices)

    assert reads_of_two_epochs(num_workers=0) == 192
    assert reads_of_two_epochs(num_workers=1) == 384


def test_large_sets_are_not_kept():
    images = ORLImages("train")
    assert KeptImages.fits(images, (112, 112))
    side = int((LARGEST_KEPT_SET / 3 / len(images)) ** 0.5) + 1
    assert not KeptImages.fits(images, (side, side))
