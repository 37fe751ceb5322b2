"""Images of a small set that stay in memory once they were read: decoding them again each epoch takes time.

Shapes: B batch, N images of the set, H height, W width.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.sources import Images

LARGEST_KEPT_SET = 512 * 2**20  # bytes; 14,000 images of 112x112


class KeptImages:
    """Reads images of a source at one size, each once.

    Args:
        source: the images.
        size: (height, width) of every image.

    Example:
        >>> import numpy as np
        >>> from facerec.data import ORLImages
        >>> kept = KeptImages(ORLImages("dev"), (32, 32))
        >>> kept.read_batch(np.array([3, 1, 3])).shape
        torch.Size([3, 3, 32, 32])
    """

    def __init__(self, source: Images, size: tuple[int, int]) -> None:
        self.source = source
        self.size = size
        self._images_N3HW = torch.empty((len(source), 3, *size), dtype=torch.uint8)  # pages come with what is read
        self._is_read_N = np.zeros(len(source), dtype=bool)

    @staticmethod
    def fits(source: Images, size: tuple[int, int]) -> bool:
        """Whether a set is small enough to be kept."""
        return len(source) * 3 * size[0] * size[1] <= LARGEST_KEPT_SET

    def read_batch(self, indices_B: NDArray[np.int64]) -> Tensor:
        """Some of the images: uint8 (B, 3, H, W)."""
        unread = np.unique(indices_B[~self._is_read_N[indices_B]])
        if len(unread):
            self._images_N3HW[torch.from_numpy(unread)] = self.source.read_batch(unread, self.size)
            self._is_read_N[unread] = True
        return self._images_N3HW[torch.from_numpy(indices_B)]
