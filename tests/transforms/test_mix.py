import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import beta as beta_distribution
from scipy.stats import kstest

from facerec import losses
from facerec.data import FaceDataModule
from facerec.data.batches import Batch
from facerec.transforms import Mix
from facerec.transforms.mix import beta
from facerec.transforms.randomness import Draws

LABELS = torch.tensor([0, 3, 1, 1, 4, 2])


@pytest.fixture
def images():
    return torch.rand(6, 3, 24, 30, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 4.0])
def test_shares_are_beta_distributed(alpha):
    shares = beta(Draws(0, 0, torch.arange(20_000)), "x", alpha).double().numpy()
    assert np.isfinite(shares).all()
    inner = shares[(shares > 1e-6) & (shares < 1 - 1e-6)]  # float32 rounds what is nearer to the ends
    low, high = beta_distribution.cdf([1e-6, 1 - 1e-6], alpha, alpha)
    assert abs(len(inner) / len(shares) - (high - low)) < 0.02
    assert kstest(inner, lambda x: (beta_distribution.cdf(x, alpha, alpha) - low) / (high - low)).pvalue > 1e-3


def test_mixup_by_hand(images):
    indices = torch.arange(50, 56)
    mixed, shares = Mix(mixup=0.4)(images, LABELS, 5, 1, 2, indices)
    own = beta(Draws(1, 2, indices), "mixup", 0.4)
    for place in range(6):
        partner = (place + 1) % 6
        expected = own[place] * images[place] + (1 - own[place]) * images[partner]
        torch.testing.assert_close(mixed[place], expected)
        label = torch.zeros(5)
        label[LABELS[place]] += own[place]
        label[LABELS[partner]] += 1 - own[place]
        torch.testing.assert_close(shares[place], label)
    assert len(torch.unique(own)) == 6


def test_bytes_are_mixed_as_the_floats_they_stand_for(images):
    images_uint8 = (images * 255.0).round().to(torch.uint8)
    both, indices = Mix(mixup=0.4, cutmix=1.0), torch.arange(6)
    for ours, same in zip(
        both(images_uint8, LABELS, 5, 1, 2, indices), both(images_uint8 / 255.0, LABELS, 5, 1, 2, indices), strict=True
    ):
        torch.testing.assert_close(ours, same, rtol=0, atol=0)


def test_cutmix_labels_follow_the_pixels(images):
    mixed, shares = Mix(cutmix=1.0)(images, LABELS, 5, 0, 0, torch.arange(6))
    partners = images.roll(-1, 0)
    from_partner = (mixed == partners).all(1)
    assert torch.equal(from_partner | (mixed == images).all(1), torch.ones_like(from_partner))
    for place in range(6):
        rows, columns = from_partner[place].any(1), from_partner[place].any(0)
        assert torch.equal(from_partner[place], rows[:, None] & columns)  # one rectangle
        share = float(from_partner[place].float().mean())
        if LABELS[place] != LABELS[(place + 1) % 6]:
            assert float(shares[place, LABELS[(place + 1) % 6]]) == pytest.approx(share, abs=1e-5)
    assert 0 < int(from_partner.sum()) < from_partner.numel()


def test_with_both_each_image_draws_one(images):
    many = images[:2].repeat(200, 1, 1, 1)
    mixed, shares = Mix(mixup=1.0, cutmix=1.0)(many, torch.tensor([0, 1]).repeat(200), 2, 0, 0, torch.arange(400))
    partners = many.roll(-1, 0)
    cut = ((mixed == partners) | (mixed == many)).flatten(1).all(1)
    assert 140 < int(cut.sum()) < 260
    torch.testing.assert_close(shares.sum(1), torch.ones(400))


def test_what_is_left_of_an_image_does_not_depend_on_its_place(images):
    indices = torch.arange(6)
    order = torch.tensor([2, 0, 5, 1, 3, 4])
    mix = Mix(mixup=0.3)
    _, shares = mix(images, torch.arange(6), 6, 7, 3, indices)
    _, reordered = mix(images[order], torch.arange(6)[order], 6, 7, 3, indices[order])
    torch.testing.assert_close(reordered[torch.arange(6), order], shares.diagonal()[order])
    assert not torch.allclose(mix(images, torch.arange(6), 6, 7, 4, indices)[1], shares, atol=0.05)


@pytest.mark.parametrize("loss", [losses.Softmax(), losses.NormFace(scale=8.0)], ids=["Softmax", "NormFace"])
def test_a_loss_without_margin_takes_soft_labels_and_counts_them_as_shares(loss):
    loss.build(8, 5)
    embeddings = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    hard = loss(embeddings, LABELS)
    one_hot = torch.nn.functional.one_hot(LABELS, 5).float()
    torch.testing.assert_close(loss(embeddings, one_hot), hard)
    other = LABELS.roll(1)
    half = 0.5 * one_hot + 0.5 * one_hot.roll(1, 0)
    torch.testing.assert_close(loss(embeddings, half), 0.5 * hard + 0.5 * loss(embeddings, other))


def test_normface_with_soft_labels_by_hand():
    loss = losses.NormFace(scale=8.0).build(8, 5).double()
    generator = torch.Generator().manual_seed(1)
    embeddings = torch.randn(6, 8, dtype=torch.float64, generator=generator).requires_grad_()
    shares = torch.rand(6, 5, dtype=torch.float64, generator=generator)
    shares = shares / shares.sum(1, keepdim=True)
    slow, cosine = 0.0, 0.0
    for image, share in zip(embeddings, shares, strict=True):
        cosines = [image @ weight / (image.norm() * weight.norm()) for weight in loss.weight]
        log_sum = torch.log(sum(torch.exp(8.0 * one) for one in cosines))
        slow = slow + sum(part * (log_sum - 8.0 * one) for part, one in zip(share, cosines, strict=True)) / 6
        cosine += float(sum(part * one for part, one in zip(share, cosines, strict=True))) / 6
    value = loss(embeddings, shares)
    torch.testing.assert_close(value, slow)
    assert float(loss.statistics()["own_cosine"]) == pytest.approx(cosine)
    for ours, theirs in zip(
        torch.autograd.grad(value, [embeddings, loss.weight]),
        torch.autograd.grad(slow, [embeddings, loss.weight]),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_a_sum_of_losses_takes_soft_labels_where_every_part_does():
    assert losses.Joint({"a": losses.Softmax(), "b": losses.NormFace()}).takes_soft_labels
    assert not losses.Joint({"a": losses.Softmax(), "b": losses.Center()}).takes_soft_labels


def module(root, loss, **settings):
    data = FaceDataModule(root=str(root), image_size=(32, 32), batch_size=4, num_workers=0, **settings)
    model = torch.nn.ModuleDict({"loss": loss})
    data.trainer = SimpleNamespace(lightning_module=model, training=True, current_epoch=2, world_size=1, global_rank=0)
    data.trainer.overfit_batches = 0
    return data


WITHOUT_MARGIN = {"Softmax", "NormFace"}
SUMS = {losses.Joint, losses.DeepAndShallow}  # the second needs data.shallow, which refuses mixing itself


def every_other_loss():
    named = [getattr(losses, name) for name in losses.__all__ if name not in WITHOUT_MARGIN]
    kinds = [kind for kind in named if issubclass(kind, losses.Loss) and not inspect.isabstract(kind)]
    return [kind() for kind in kinds if kind not in SUMS] + [losses.Joint({"a": losses.ArcFace()})]


@pytest.mark.parametrize("loss", every_other_loss(), ids=lambda loss: type(loss).__name__)
def test_mixing_with_a_margin_or_pairs_is_refused_before_training(vggface_root, loss):
    with pytest.raises(ValueError, match=rf"data\.mix=Mix\(mixup=0\.2.*model\.loss={type(loss).__name__}"):
        module(vggface_root, loss, mix=Mix(mixup=0.2)).setup("fit")


def test_batches_are_mixed_after_augmentation(vggface_root):
    data = module(vggface_root, losses.Softmax(), mix=Mix(mixup=0.2), views=2)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    mixed = data.on_after_batch_transfer(batch, 0)
    assert mixed.labels.shape == (8, 4)
    augmented = data.augment(batch.images, data.seed, 2, batch.indices)
    images, shares = Mix(mixup=0.2)(augmented, batch.labels, 4, data.seed, 2, batch.indices)
    torch.testing.assert_close(mixed.images[:4], images)
    torch.testing.assert_close(mixed.labels[:4], shares)
    assert not torch.equal(mixed.labels[4:], shares)
    data.trainer.training = False
    assert data.on_after_batch_transfer(batch, 0) is batch
    assert isinstance(batch, Batch)


@pytest.mark.parametrize("settings", [{}, {"mixup": -0.1}, {"cutmix": -1.0}, {"mixup": float("nan")}])
def test_settings_that_cannot_work_say_so(settings):
    with pytest.raises(ValueError, match="data.mix"):
        Mix(**settings)
