"""Views of a batch: augmented anew for each seed, mixed on request, and joined."""

import torch

from facerec.data.batches import Batch
from facerec.data.views import augmented
from facerec.transforms.augment import Augment
from facerec.transforms.mix import Mix

BATCH = Batch(
    torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
    torch.tensor([0, 0, 1, 2]),
    torch.tensor([5, 7, 11, 2]),
)
BRIGHTNESS = Augment(brightness=0.5)


def test_a_view_depends_on_its_own_seed_alone():
    both = augmented(BATCH, BRIGHTNESS, None, 3, [1, 2], epoch=4)
    for view, seed in enumerate((1, 2)):
        alone = augmented(BATCH, BRIGHTNESS, None, 3, [seed], epoch=4)
        assert torch.equal(both.images[4 * view : 4 * view + 4], alone.images)
    assert not torch.equal(both.images[:4], both.images[4:])
    assert both.labels.tolist() == [0, 0, 1, 2] * 2
    assert both.indices.tolist() == [5, 7, 11, 2] * 2


def test_mixing_turns_labels_into_shares():
    mixed = augmented(BATCH, BRIGHTNESS, Mix(mixup=1.0), 3, [1, 2], epoch=4)
    assert mixed.labels.shape == (8, 3)
    torch.testing.assert_close(mixed.labels.sum(dim=1), torch.ones(8))
    assert not torch.equal(mixed.images, augmented(BATCH, BRIGHTNESS, None, 3, [1, 2], epoch=4).images)
