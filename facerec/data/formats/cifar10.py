"""CIFAR-10 as torchvision downloads it."""

from pathlib import Path

import numpy as np
from torchvision import datasets

from facerec.data.formats.arrays import ArrayImages, ArrayListing


class CIFAR10Images(ArrayImages):
    """Small colour photographs of ten kinds of things, 32 x 32: 50,000 to train, 10,000 to test.

    The local copy is torchvision's, ``root/cifar-10-batches-py``. Its files are pickles, which can run code when they
    are opened. torchvision first compares their MD5 sums with those of the published files, and refuses files that
    differ. For the arguments see :class:`facerec.data.formats.arrays.ArrayImages`.

    Raises:
        FileNotFoundError: when read, if a file is missing or is not the published one.

    Example:
        >>> from facerec.data import CIFAR10Images
        >>> photographs = CIFAR10Images("datasets", part="test")  # reads nothing yet
        >>> photographs.name(3)
        'datasets: test image 3'
        >>> len(photographs)
        Traceback (most recent call last):
        FileNotFoundError: datasets/cifar-10-batches-py: a file is missing, or is not the published one ...
    """

    def load(self) -> ArrayListing:
        """Let torchvision check and read all the files."""
        try:
            content = datasets.CIFAR10(self.root, train=self.part == "train", download=self.download)
        except (RuntimeError, OSError) as error:
            raise FileNotFoundError(
                f"{Path(self.root, datasets.CIFAR10.base_folder)}: a file is missing, or is not the published one (MD5 "
                "sums are checked, since they are pickles): put data_batch_1 to 5, test_batch and batches.meta there, "
                f"or set download: true to have torchvision get them ({error})"
            ) from error
        return ArrayListing(list(content.classes), np.array(content.targets, dtype=np.int64), content.data)
