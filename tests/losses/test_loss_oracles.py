"""Each loss equals its oracle in value and gradient, and pytorch-metric-learning where the form is the same."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning import distances, miners, reducers
from pytorch_metric_learning import losses as pml

import facerec.losses as losses
from facerec.losses.functional import multiply_angle
from tests.losses import loss_oracles as oracle
from tests.losses.loss_cases import CASES, batch, every_case, exact_parameters


def compare(case, size, dim, people, seed=0, dtype=torch.float64, tolerance=1e-9):
    """Value and gradients of a case against its oracle."""
    loss = case.build(dim, people, seed).to(dtype).train(not case.draws)
    x, y = batch(size, dim, people, seed)
    slow_x, slow_parameters = x.clone().requires_grad_(), exact_parameters(loss)
    expected = case.oracle(slow_x, slow_parameters, y.tolist())
    expected.backward()

    fast_x = x.to(dtype).requires_grad_()
    value = loss(fast_x, y)
    value.backward()
    torch.testing.assert_close(value.double(), expected, rtol=tolerance, atol=tolerance)
    gradients = [(fast_x.grad, slow_x.grad)]
    gradients += [(p.grad, slow_parameters[name].grad) for name, p in loss.named_parameters()]
    for fast, slow in gradients:
        error = (fast.double() - slow).norm() / slow.norm().clamp(min=1e-12)
        assert error < 100 * tolerance, f"gradient is off by {error:.1e}"


@every_case
def test_equals_its_oracle(case):
    compare(case, size=13, dim=7, people=5, tolerance=1e-6)  # 1e-6: sqrt and sine floors


@every_case
def test_equals_its_oracle_in_float32(case):
    compare(case, size=13, dim=7, people=5, seed=1, dtype=torch.float32, tolerance=2e-5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(people=st.integers(2, 6), images=st.integers(2, 4), dim=st.integers(2, 9), seed=st.integers(0, 1000))
def test_equals_its_oracle_at_any_shape(case, people, images, dim, seed):
    loss = case.build(dim, people, seed).double().train(not case.draws)
    x, y = batch(people * images, dim, people, seed)
    expected = case.oracle(x, exact_parameters(loss), y.tolist()).detach()
    torch.testing.assert_close(loss(x, y).detach(), expected, rtol=1e-5, atol=1e-6)


def angle_batch(angles):
    """Embeddings in the plane at given angles to class 0, and the class weights at 0 and at 2 radians."""
    x = torch.tensor([[math.cos(a), math.sin(a)] for a in angles], dtype=torch.float64) * 2.0
    w = torch.tensor([[1.0, 0.0], [math.cos(2.0), math.sin(2.0)]], dtype=torch.float64)
    return x, w, torch.zeros(len(angles), dtype=torch.int64)


ANGLES = [0.01, 0.5, 1.2, 2.6, 2.65, 3.0, math.pi - 0.01]


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.ArcFace(), lambda e, w, y: oracle.arcface(e, w, y, 64.0, 0.5)),
        (losses.CombinedMargin(64.0, 1.5, 0.4, 0.1), lambda e, w, y: oracle.combined(e, w, y, 64.0, 1.5, 0.4, 0.1)),
        (losses.SphereFace(4), lambda e, w, y: oracle.sphereface(e, w, y, 4, 1500.0)),
    ],
)
def test_past_pi_each_sample_equals_the_oracle(loss, expected):
    x, w, y = angle_batch(ANGLES)
    loss.build(2, 2)
    loss.double().eval().weight.data.copy_(w)
    for i in range(len(y)):
        value = loss(x[i : i + 1], y[i : i + 1]).detach()
        torch.testing.assert_close(value, expected(x[i : i + 1], w, [0]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        losses.ArcFace(angular_margin=0.5),
        losses.ArcFace(angular_margin=1.5),
        losses.SphereFace(4, lambda_start=0.0, lambda_end=0.0),
        losses.CosFace(),
        losses.NormFace(),
        *(
            losses.CombinedMargin(64.0, m1, m2, m3)
            for m1, m2, m3 in itertools.product([0.7, 1.0, 2.5], [0.0, 1.0], [0.0, 0.3])
        ),
    ],
)
def test_a_worse_angle_never_costs_less(loss):
    cos = torch.cos(torch.linspace(0.0, math.pi, 500, dtype=torch.float64))
    target = multiply_angle(cos, 4) if isinstance(loss, losses.SphereFace) else loss.target(cos)
    assert (target.diff() <= 1e-9).all()


@pytest.mark.parametrize(
    ("combined", "single"),
    [
        ((1.0, 0.0, 0.0), losses.NormFace(64.0)),
        ((1.0, 0.5, 0.0), losses.ArcFace(64.0, 0.5)),
        ((1.0, 0.0, 0.35), losses.CosFace(64.0, 0.35)),
    ],
)
def test_combined_margin_equals_each_of_the_others(combined, single):
    cos = torch.linspace(-1.0, 1.0, 201, dtype=torch.float64)
    torch.testing.assert_close(
        losses.CombinedMargin(64.0, *combined).target(cos), single.target(cos), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_combined_margin_equals_sphereface_on_unit_embeddings(factor):
    x, y = batch(12, 6, 4)
    x = torch.nn.functional.normalize(x)
    sphere = losses.SphereFace(factor, lambda_start=0.0, lambda_end=0.0)
    combined = losses.CombinedMargin(1.0, float(factor), 0.0, 0.0)
    for loss in (sphere, combined):
        torch.manual_seed(0)
        loss.scale = 10.0  # no warning about the scale of 1
        loss.build(6, 4)
    torch.testing.assert_close(combined.double()(x, y), sphere.double()(x, y))


def test_straight_through_gradient_is_the_plain_cosine_gradient():
    x, y = batch(8, 6, 3)
    straight = losses.ArcFace(straight_through_gradient=True)
    straight.build(6, 3)
    straight.double()
    # insightface's gradient at cos = 0.3: -64 * (1 - p), against -65.8 * (1 - p)
    cos = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    (64.0 * straight.target(cos)).sum().backward()
    assert cos.grad.item() == pytest.approx(64.0)
    exact = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    (64.0 * losses.ArcFace().target(exact)).sum().backward()
    assert exact.grad.item() == pytest.approx(65.8, abs=0.05)
    plain = losses.ArcFace()
    plain.weight, plain.num_classes = straight.weight, 3
    torch.testing.assert_close(straight(x, y), plain(x, y))


def copied_weights(ours, theirs):
    theirs.W.data = ours.weight.detach().T.clone()
    return theirs


def pml_pairs():
    """Ours beside the same form of pytorch-metric-learning, for 32 images of 8 people in 16 dimensions."""
    degrees = math.degrees(0.5)
    mean, no_margin = reducers.MeanReducer, {"normalize_embeddings": True}
    squared = distances.LpDistance(power=2, **no_margin)
    yield "arcface", losses.ArcFace(), lambda c, d: pml.ArcFaceLoss(c, d, margin=degrees, scale=64)
    yield "cosface", losses.CosFace(), lambda c, d: pml.CosFaceLoss(c, d, margin=0.35, scale=64)
    yield "normface", losses.NormFace(20.0), lambda c, d: pml.NormalizedSoftmaxLoss(c, d, temperature=0.05)
    yield (
        "subcenter",
        losses.SubCenterArcFace(),
        lambda c, d: pml.SubCenterArcFaceLoss(num_classes=c, embedding_size=d, margin=degrees, scale=64, sub_centers=3),
    )
    yield "supcon", losses.SupCon(0.1), lambda c, d: pml.SupConLoss(0.1, reducer=mean())
    yield "circle", losses.Circle(80.0, 0.4), lambda c, d: pml.CircleLoss(0.4, 80, reducer=mean())
    yield (
        "triplet-all",
        losses.Triplet(0.2, strategy="all", average="active"),
        lambda c, d: pml.TripletMarginLoss(0.2, distance=squared),
    )
    yield (
        "triplet-soft",
        losses.Triplet(strategy="all", soft_margin=True),
        lambda c, d: pml.TripletMarginLoss(0.0, smooth_loss=True, distance=squared, reducer=mean()),
    )
    yield (
        "sphereface",
        losses.SphereFace(4, lambda_start=0.0, lambda_end=0.0),
        lambda c, d: pml.SphereFaceLoss(c, d, margin=4, scale=1),
    )
    yield "n-pair", losses.NPair(1.0, True, 0.0), lambda c, d: pml.NPairsLoss()
    yield "histogram", losses.Histogram(101), lambda c, d: pml.HistogramLoss(n_bins=100)


@pytest.mark.parametrize(
    ("name", "ours", "theirs"), list(pml_pairs()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_equals_pytorch_metric_learning(name, ours, theirs):
    people = 16 if name == "n-pair" else 8  # its N-pair loss takes one pair a person
    x, y = batch(32, 16, people, dtype=torch.float32)
    ours.build(16, people)
    theirs = theirs(people, 16)
    if hasattr(theirs, "W"):
        copied_weights(ours, theirs)
    x1, x2 = x.clone().requires_grad_(), x.clone().requires_grad_()
    value, expected = ours(x1, y), theirs(x2, y)
    value.backward()
    expected.backward()
    torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-5)
    assert (x1.grad - x2.grad).norm() < 1e-4 * x2.grad.norm()


def test_batch_hard_equals_pytorch_metric_learning():
    x, y = batch(32, 16, 8, dtype=torch.float32)
    distance = distances.LpDistance(power=2, normalize_embeddings=True)
    triplets = miners.BatchHardMiner(distance=distance)(x, y)
    expected = pml.TripletMarginLoss(0.2, distance=distance, reducer=reducers.MeanReducer())(x, y, triplets)
    torch.testing.assert_close(losses.Triplet(0.2)(x, y), expected, rtol=1e-5, atol=1e-5)


def test_centers_move_by_the_rule_of_the_paper():
    x, y = batch(13, 7, 5)
    loss = losses.Center(0.5)
    loss.build(7, 5)
    loss.double()
    expected = torch.zeros(5, 7, dtype=torch.float64)
    for _ in range(3):
        before = expected
        torch.testing.assert_close(loss(x, y), oracle.center(x, y.tolist(), before))
        expected = oracle.moved_centers(x, y.tolist(), before, 0.5)
        torch.testing.assert_close(loss.centers, expected)
    loss.eval()
    loss(x, y)
    torch.testing.assert_close(loss.centers, expected)
