"""Each loss falls in 200 steps, and comes back from a checkpoint with everything it counts."""

import copy

import pytest
import torch
from torch import nn

import facerec.losses as losses
from facerec.losses import ClassifierLoss, Loss
from facerec.optim import parameter_groups
from tests.losses.loss_cases import CASES, batch, every_case, seeded


def all_classes(base):
    for subclass in base.__subclasses__():
        yield subclass
        yield from all_classes(subclass)


def test_every_exported_loss_is_tested():
    settings = {losses.Computation, losses.Ramp, losses.Sharding, losses.Synthesis}
    exported = {getattr(losses, name) for name in losses.__all__} - {Loss, ClassifierLoss} - settings
    assert exported == {type(case.make(**case.settings)) for case in CASES}
    abstract = {"ClassifierLoss", "CosineClassifier", "PairLoss"}
    unexported = {
        cls.__name__ for cls in set(all_classes(Loss)) - exported if cls.__module__.startswith("facerec.losses")
    }
    assert unexported == abstract


def small_problem():
    """Ten people as noisy points in 12 dimensions, two sharing a direction but for a fifth."""
    generator = torch.Generator().manual_seed(0)
    centers = torch.randn(10, 12, generator=generator)
    centers[1] = centers[0] + 0.2 * centers[1]
    y = torch.arange(60) % 10
    return centers[y] + 0.4 * torch.randn(60, 12, generator=generator), y


def train(loss, network, steps, optimizer=None):
    x, y = small_problem()
    optimizer = optimizer or torch.optim.Adam([*network.parameters(), *loss.parameters()], lr=3e-3)
    values = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(network(x), y)
        value.backward()
        optimizer.step()
        loss.step()
        values.append(value.item())
    return values


@every_case
def test_200_steps_bring_the_loss_down(case):
    loss = case.build(8, 10)
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 8))
    values = train(loss, network, 200)
    floor = 0.0
    if case.name == "n-pair-unit":
        floor = losses.functional.n_pair_floor(30, 0.1)
    # CurricularFace at momentum 1, and annealed SphereFace, get harder as they go: they must still fall, if less
    share = 0.9 if "curricular" in case.name or "sphereface" in case.name else 0.7
    assert values[-1] - floor < share * (values[0] - floor)


@every_case
def test_its_parameters_are_in_the_optimizer(case):
    loss = case.build(8, 10)
    groups = parameter_groups(nn.Linear(12, 8), loss)
    optimised = {id(parameter) for group in groups for parameter in group["params"]}
    assert {id(parameter) for parameter in loss.parameters()} <= optimised


@every_case
def test_resumes_from_a_checkpoint_bit_for_bit(case):
    torch.manual_seed(1)
    network = nn.Linear(12, 8)
    loss = case.build(8, 10)
    train(loss, network, 5)
    resumed = case.build(8, 10, seed=99)
    resumed.load_state_dict(loss.state_dict())
    x, y = small_problem()
    for _ in range(3):
        torch.testing.assert_close(seeded(resumed, network(x), y), seeded(loss, network(x), y), rtol=0, atol=0)
        resumed.step()
        loss.step()


@every_case
def test_deepcopy_and_statistics(case):
    loss = copy.deepcopy(case.build(8, 5))
    x, y = batch(15, 8, 5, dtype=torch.float32)
    loss(x.requires_grad_(), y)
    statistics = loss.statistics()
    for name, value in statistics.items():
        assert value.ndim == 0, name
        assert not value.requires_grad, name
    expected = {"own_cosine"} if case.has_margin_softmax else set()
    if isinstance(loss, (losses.Triplet, losses.Contrastive)):
        expected = {"active_fraction", "genuine_distance", "impostor_distance"}
    assert expected <= set(statistics)


@every_case
def test_logits_are_the_scores_without_margin(case):
    loss = case.build(8, 5)
    x, _ = batch(15, 8, 5, dtype=torch.float32)
    logits = loss.logits(x)
    if logits is None:
        assert not any(isinstance(part, ClassifierLoss) for part in loss.modules())
        return
    assert logits.shape == (15, 5)
    weight = next(part.weight for part in loss.modules() if isinstance(part, ClassifierLoss))
    if case.name == "subcenter":
        weight = weight.view(5, 3, 8)
        nearest = torch.nn.functional.cosine_similarity(x[:, None, None], weight, dim=3).amax(2).argmax(1)
    elif case.name.startswith("mlp"):
        units = torch.relu(torch.nn.functional.linear(x, loss.hidden.weight, loss.hidden.bias))
        nearest = (units @ weight.T).argmax(1)
    elif case.name.startswith(("softmax", "joint")):
        nearest = (x @ weight.T).argmax(1)
    else:
        nearest = torch.nn.functional.cosine_similarity(x[:, None], weight, dim=2).argmax(1)
    assert (logits.argmax(1) == nearest).all()


def class_weight(loss: Loss) -> torch.Tensor | None:
    """The class weights of a loss, or of the first part of a sum that has some."""
    parts = loss.parts.values() if isinstance(loss, losses.Joint) else [loss]
    return next((part.weight for part in parts if isinstance(part, ClassifierLoss)), None)


@every_case
def test_class_directions_are_those_of_the_class_weights(case):
    loss = case.build(8, 5)
    found = loss.class_directions()
    weight = class_weight(loss)
    if weight is None:
        assert found is None
        return
    unit = torch.nn.functional.normalize(weight.detach())
    if case.name == "subcenter":
        unit = torch.nn.functional.normalize(unit.view(5, 3, 8).sum(1))
    torch.testing.assert_close(found, unit)
    assert not found.requires_grad


def test_sphereface_anneals_as_in_the_paper():
    loss = losses.SphereFace()
    loss.build(4, 3)
    x, y = batch(6, 4, 3, dtype=torch.float32)
    seen = []
    for _ in range(4):
        loss(x, y)
        loss(x, y)  # a second batch of the same optimizer step
        seen.append(loss.statistics()["annealing"].item())
        loss.step()
    assert seen == pytest.approx([1500.0 / (1.0 + 0.1 * step) for step in range(4)])
    loss.steps.fill_(10**6)
    assert loss.annealing().item() == 5.0


def test_the_share_of_the_margin_is_logged_while_it_warms_up():
    seen = []
    loss = losses.ArcFace(scale=20.0, margin_warmup=2)
    loss.build(4, 3)
    x, y = batch(6, 4, 3, dtype=torch.float32)
    for _ in range(4):
        loss(x, y)
        assert "own_cosine" in loss.statistics()
        seen.append(loss.statistics()["margin_share"].item())
        loss.step()
    assert seen == [0.0, 0.5, 1.0, 1.0]
    whole = losses.ArcFace(scale=20.0)
    whole.build(4, 3)
    whole(x, y)
    assert "margin_share" not in whole.statistics()


def test_supcon_counts_the_anchors_it_skips():
    loss = losses.SupCon()
    x, _ = batch(5, 4, 5, dtype=torch.float32)
    loss(x, torch.tensor([0, 0, 1, 2, 3]))
    assert loss.statistics()["anchors_without_positive"].item() == 3


def test_collapse_is_visible():
    loss = losses.Triplet(0.2)
    x = torch.ones(8, 4) + 1e-6 * torch.randn(8, 4)
    value = loss(x, torch.arange(8) % 4)
    assert value.item() == pytest.approx(0.2, abs=1e-4)
    assert loss.statistics()["active_fraction"].item() == 1.0
    assert loss.statistics()["genuine_distance"].item() < 1e-6
