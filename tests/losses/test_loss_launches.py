"""No loss makes a GPU wait, and each asks for few launches: counted without a GPU."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch

from facerec.losses import ArcFace, Loss, Triplet
from facerec.losses.functional import Computation
from facerec.losses.functional.triplets import MOST_WITHOUT_WAIT
from tests.launches import DEVICE, Launches
from tests.losses.loss_cases import CASES, Case

IMAGES, PEOPLE = 32, 8


@pytest.fixture(autouse=True)
def _without_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # the device that stands for a GPU has none


def step(loss: Loss, images: int = IMAGES) -> Launches:
    """What a training step with a loss asks of a GPU."""
    loss.to(DEVICE).train()
    embeddings = torch.empty(images, 16, device=DEVICE, requires_grad=True)
    labels = torch.empty(images, dtype=torch.int64, device=DEVICE)
    with Launches() as launches:
        loss(embeddings, labels).backward()
        loss.step()
        loss.logits(embeddings.detach())
        assert all(value.device == DEVICE for value in loss.statistics().values())
    return launches


WAYS = [
    pytest.param(case, {"computation": Computation(way)} if way else {}, id=f"{case.name}-{way}" if way else case.name)
    for case in CASES
    for way in (("plain", "blocked") if case.has_margin_softmax else (None,))
]


@pytest.mark.parametrize(("case", "settings"), WAYS)
def test_no_loss_waits_for_a_gpu(case: Case, settings: dict[str, Any]) -> None:
    assert not step(case.build(16, PEOPLE, **settings)).waits


def test_soft_triplets_wait_for_their_number_in_large_batches_alone() -> None:
    """Their docstring says so. 1,024 images take 64 blocks of anchors, with ten launches each."""
    loss = Triplet(strategy="all", soft_margin=True)
    within = step(loss, MOST_WITHOUT_WAIT)
    assert not within.waits
    assert within.total < 800
    above = step(loss, MOST_WITHOUT_WAIT + 1)
    assert above.waits.total() == 1
    assert "triplets.py" in next(iter(above.waits))


@pytest.mark.parametrize(("implementation", "most"), [("plain", 80), ("blocked", 100)])
def test_a_margin_softmax_takes_few_launches_in_blocks_too(implementation: Any, most: int) -> None:
    """A CPU's blocks would be 16 times seven launches here, and 17 times four for the class weights."""
    loss = ArcFace(computation=Computation(implementation)).build(8, 8_631).to(DEVICE)
    embeddings = torch.empty(1_024, 8, device=DEVICE, requires_grad=True)
    with Launches() as launches:
        loss(embeddings, torch.empty(1_024, dtype=torch.int64, device=DEVICE)).backward()
    assert launches.total <= most
