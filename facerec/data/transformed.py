"""Training images after torchvision's transforms. This code runs in the workers of a loader."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from facerec.data.batches import Loaded, SourceDataset
from facerec.transforms.torchvision_transforms import TorchvisionTransforms


class TransformedDataset(Dataset[Loaded]):
    """Training images that are transformed as they are read.

    Args:
        dataset: the images.
        transforms: of the images.
        seeds: a seed for each view V of a batch.
    """

    def __init__(self, dataset: SourceDataset, transforms: TorchvisionTransforms, seeds: Sequence[int]) -> None:
        self.dataset = dataset
        self.transforms = transforms
        self.seeds = list(seeds)
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]  # with workers, which outlive an epoch

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins, in all workers."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitems__(self, positions: list[int]) -> Loaded:
        """A batch: images (V B, 3, H, W), view by view, and the labels and indices of one view (B,)."""
        images_BCHW, labels_B, indices_B = self.dataset.__getitems__(positions)
        epoch, addresses_B = int(self._epoch), torch.from_numpy(np.asarray(indices_B))
        views = [self.transforms(images_BCHW, seed, epoch, addresses_B) for seed in self.seeds]
        return torch.cat(views), labels_B, indices_B

    def __getitem__(self, position: int) -> Loaded:
        """A batch of one."""
        return self.__getitems__([position])
