"""A loader that goes on within an epoch."""

import pytest
import torch

from facerec.data import FaceDataModule


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("images_per_person", [None, 2])
def test_a_loader_goes_on_behind_the_batches_that_were_seen(folder, workers, images_per_person):
    """In every epoch after that, it gives all of them again."""
    settings = {"batch_size": 4, "images_per_person": images_per_person, "num_workers": workers, "image_size": (16, 16)}

    def loader():
        data = FaceDataModule(train=folder, val_pairs={}, **settings)
        data._train_dataset = data._checked_train_dataset()
        return data.train_dataloader()

    whole, resumed = loader(), loader()
    for each in (whole, resumed):
        each.sampler.set_epoch(3)
    before = list(whole)
    resumed.load_state_dict({"batches": 2})
    behind = list(resumed)
    assert [batch.indices.tolist() for batch in behind] == [batch.indices.tolist() for batch in before[2:]]
    assert all(torch.equal(one.images, other.images) for one, other in zip(behind, before[2:], strict=True))
    assert resumed.state_dict() == {"batches": len(before)}
    assert len(list(resumed)) == len(before) == len(resumed)
