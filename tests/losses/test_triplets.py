"""Triplets of people of uneven size: with any number of places for positives, and in blocks."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from facerec.losses import Triplet
from facerec.losses.functional import soft_triplets, triplets
from facerec.losses.functional.pairs import genuine_pairs
from tests.losses import loss_oracles as oracle

LABELS = torch.tensor([3, 0, 0, 7, 0, 3, 9, 0])  # people of 4, 2, 1 and 1 images
MOST, IMAGES = 4, len(LABELS)


@pytest.fixture(params=[MOST, IMAGES], ids=["a CPU's places", "a GPU's places"])
def places(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A GPU has a place for each image of the batch, since it does not wait for the number of positives."""
    monkeypatch.setattr(triplets, "_places", lambda *_: request.param)
    return int(request.param)


def value_and_gradient(loss: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    x = torch.randn(IMAGES, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(4)).requires_grad_()
    value = loss(x)
    value.backward()
    assert x.grad is not None
    return value.detach(), x.grad


@pytest.mark.parametrize("average", ["all", "active", "none"])
@pytest.mark.parametrize("strategy", ["semi_hard", "all"])
def test_any_number_of_places_gives_the_loss_of_the_papers(places: int, strategy: str, average: str) -> None:
    ours = Triplet(strategy=strategy, average=average)  # type: ignore[arg-type]
    expected = value_and_gradient(
        lambda x: oracle.triplet(oracle.unit(x), LABELS.tolist(), 0.2, strategy, average=average)
    )
    torch.testing.assert_close(value_and_gradient(lambda x: ours(x, LABELS)), expected)


def soft_of_active(x: Tensor) -> Tensor:
    """The mean over triplets with d(a, p) > d(a, n), one at a time."""
    z, y = oracle.unit(x), LABELS.tolist()
    gaps = [
        oracle.distance(z[a], z[p]) ** 2 - oracle.distance(z[a], z[n]) ** 2
        for a in range(IMAGES)
        for p in range(IMAGES)
        for n in range(IMAGES)
        if p != a and y[p] == y[a] != y[n]
    ]
    losses = [torch.log1p(torch.exp(gap)) for gap in gaps if gap > 0.0]
    assert 0 < len(losses) < len(gaps)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("largest", [1, 3 * IMAGES * IMAGES, 10**6])  # one anchor a block, two or more, all
def test_soft_triplets_are_the_same_in_any_blocks(places: int, largest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_triplets, "LARGEST_ON_CPU", largest)
    y = LABELS.tolist()
    ways: dict[str, Callable[[Tensor], Tensor]] = {
        "all": lambda x: oracle.triplet(oracle.unit(x), y, 0.2, "all", soft=True),
        "none": lambda x: oracle.triplet(oracle.unit(x), y, 0.2, "all", soft=True, average="none"),
        "active": soft_of_active,
    }
    for average, expected in ways.items():
        ours = Triplet(strategy="all", soft_margin=True, average=average)  # type: ignore[arg-type]
        torch.testing.assert_close(value_and_gradient(lambda x: ours(x, LABELS)), value_and_gradient(expected))  # noqa: B023


def test_places_hold_each_positive_once() -> None:
    assert triplets._places(LABELS) == MOST
    for places in (MOST, IMAGES):
        columns, valid = triplets._positives(LABELS, places)
        assert columns.shape == valid.shape == (IMAGES, places)
        counts = torch.zeros(IMAGES, IMAGES, dtype=torch.int64).scatter_add_(1, columns, valid.long())
        assert torch.equal(counts, genuine_pairs(LABELS).long())


def test_no_image_gives_a_loss_of_nothing() -> None:
    x = torch.zeros(0, 4, requires_grad=True)
    assert Triplet(strategy="all", soft_margin=True)(x, torch.zeros(0, dtype=torch.int64)) == 0.0
