"""The plain shuffle of one process or several: that of torch, in arrays."""

import pytest
from torch.utils.data import DistributedSampler

from facerec.data import shuffled_sampler
from facerec.data.batches import SourceDataset
from facerec.data.shuffled_sampler import ShuffledSampler
from tests.data.test_samplers import Labels


@pytest.mark.parametrize("images", [1, 2, 7, 100])
@pytest.mark.parametrize("replicas", [1, 2, 3, 8])
def test_the_order_is_that_of_torch(images, replicas, monkeypatch):
    monkeypatch.setattr(shuffled_sampler, "BLOCK", 16)
    dataset = SourceDataset(Labels(images), (8, 8))
    for rank in range(replicas):
        theirs = DistributedSampler(dataset, replicas, rank, seed=5)
        ours = ShuffledSampler(dataset, replicas, rank, seed=5)
        for epoch in (0, 3):
            ours.set_epoch(epoch)
            theirs.set_epoch(epoch)
            assert list(ours) == list(theirs)
            assert len(ours) == len(theirs)
