"""Gradients: exact in float64 also at the edges of the angle, and never NaN or infinite whatever the embeddings."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import facerec.losses as losses
from tests.losses.loss_cases import CASES, FUZZED, batch, every_case, every_margin_softmax, every_pair_loss, seeded


def gradients(loss, x):
    """Of the embeddings and of every parameter that took part."""
    return [x.grad, *(p.grad for p in loss.parameters() if p.grad is not None)]


def run(loss, x, y):
    x = x.detach().requires_grad_()
    value = seeded(loss, x, y)
    value.backward()
    return value, gradients(loss, x)


# Their weights of each pair are detached by the papers, so their gradient is not the derivative of their value; it is
# compared with the oracle's, which detaches the same.
DETACHED = ("circle", "circle-faces", "circle-classes", "circle-classes-synthesis")


def frozen(loss, x):
    """The loss as gradcheck needs it: what it counts stands still, and a detached quality is that of the batch."""
    loss = loss.double().eval()
    if isinstance(loss, losses.AdaFace):
        quality_B = loss.quality(x)
        loss.quality = lambda embeddings_BD: quality_B
    return loss


@every_case
def test_gradcheck(case):
    if case.name in DETACHED:
        pytest.skip("detached by the paper: see test_equals_its_oracle")
    x, y = batch(9, 5, 4, seed=3)
    loss = frozen(case.build(5, 4), x)
    parameters = [p for p in loss.parameters() if p.requires_grad]

    def value(x, *parameters):
        return loss(x, y)

    assert torch.autograd.gradcheck(value, (x.requires_grad_(), *parameters), eps=1e-6, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("implementation", ["blocked", "plain"])
@every_margin_softmax
@pytest.mark.parametrize("angle", [0.0, math.pi, 0.4, math.pi - 0.2, math.pi - 0.01])
def test_gradcheck_at_the_edges_of_the_angle(case, implementation, angle):
    """Cosines of 1 and -1, and angles on both sides of theta + m = pi, which is at pi - 0.5 or pi - 0.3."""
    loss = case.build(3, 2, computation=losses.Computation(implementation))
    own = torch.tensor([0.6, 0.8, 0.0], dtype=torch.float64)
    side = torch.tensor([-0.8, 0.6, 0.0], dtype=torch.float64)
    x = (2.0 * (math.cos(angle) * own + math.sin(angle) * side))[None]
    copies = len(loss.weight) // 2
    loss = frozen(loss, x)
    loss.weight.data = torch.cat([own.repeat(copies, 1) * 3.0, torch.tensor([[0.1, 0.2, -1.0]]).repeat(copies, 1)])
    y = torch.zeros(1, dtype=torch.int64)
    assert torch.isfinite(loss(x, y))
    if case.name in (*DETACHED, "subcenter"):  # equal sub-centers tie, and there the maximum has no derivative
        return
    assert torch.autograd.gradcheck(lambda x: loss(x, y), (x.requires_grad_(),), eps=1e-6, atol=2e-3, rtol=1e-3)


@every_margin_softmax
def test_a_second_derivative_is_refused_rather_than_wrong(case):
    loss = case.build(5, 4, computation=losses.Computation("blocked"))
    x, y = batch(8, 5, 4, dtype=torch.float32)
    (grad,) = torch.autograd.grad(loss(x.requires_grad_(), y), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def assert_finite(value, grads):
    assert torch.isfinite(value), f"loss {value}"
    for grad in grads:
        assert torch.isfinite(grad).all()


@every_case
@pytest.mark.parametrize(
    ("size", "people", "num_classes"), [(1, 1, 5), (1, 1, 1), (6, 1, 1), (6, 1, 5), (5, 5, 5), (8, 2, 2)]
)
def test_small_batches_are_finite(case, size, people, num_classes):
    """B = 1, one class, a batch of one identity, and one without any genuine pair."""
    loss = case.build(4, num_classes)
    x, y = batch(size, 4, people, dtype=torch.float32)
    assert_finite(*run(loss, x, y))


@every_case
@pytest.mark.parametrize("kind", ["zero", "one-zero", "equal", "opposite"])
def test_degenerate_embeddings_are_finite(case, kind):
    loss = case.build(4, 3)
    x, y = batch(6, 4, 3, dtype=torch.float32)
    if kind == "zero":
        x = torch.zeros_like(x)
    elif kind == "one-zero":
        x[2] = 0.0
    elif kind == "equal":
        x = x[:1].repeat(6, 1)
    else:
        x[3:] = -x[:3]
    value, grads = run(loss, x, y)
    assert_finite(value, grads)


@every_case
def test_an_embedding_of_zero_gets_a_bounded_gradient(case):
    loss = case.build(4, 3)
    _, grads = run(loss, torch.zeros(6, 4), torch.arange(6) % 3)
    assert grads[0].abs().max() < 1e3


@every_case
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_embeddings_give_nearly_the_float64_loss(case, dtype):
    """The embeddings are rounded, the loss is not: on the rounded embeddings it is that of float64."""
    loss, exact = case.build(8, 5), case.build(8, 5).double()
    x, y = batch(15, 8, 5, dtype=torch.float32)
    x = x.to(dtype)
    value, grads = run(loss, x, y)
    expected, exact_grads = run(exact, x.double(), y)
    assert value.dtype == torch.float32
    assert grads[0].dtype == dtype
    torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=1e-4)
    assert_finite(value, grads)
    rounding = torch.finfo(dtype).eps
    assert (grads[0].double() - exact_grads[0]).norm() <= 2.0 * rounding * exact_grads[0].norm() + 1e-4


@every_case
def test_autocast_changes_nothing(case):
    x, y = batch(12, 8, 4, dtype=torch.float32)
    outside = run(case.build(8, 4), x, y)
    loss = case.build(8, 4)
    with torch.autocast("cpu", torch.bfloat16):
        value = seeded(loss, x, y)
    torch.testing.assert_close(value, outside[0], rtol=0, atol=0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@given(  # how often: see the profiles in tests/conftest.py
    exponents=st.lists(st.floats(-12.0, 6.0), min_size=1, max_size=12),
    dim=st.integers(1, 6),
    people=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_fuzz_no_loss_is_ever_nan(case, exponents, dim, people, seed):
    """Lengths from 1e-12 to 1e6, mixed in one batch."""
    loss = case.build(dim, people, seed % 1000)
    generator = torch.Generator().manual_seed(seed)
    x = torch.nn.functional.normalize(torch.randn(len(exponents), dim, generator=generator))
    x = x * torch.tensor([10.0**e for e in exponents])[:, None]
    y = torch.randint(people, (len(x),), generator=generator)
    for _ in range(2):  # running statistics have moved the second time
        assert_finite(*run(loss, x, y))
    FUZZED[case.name] += 1


@every_pair_loss
def test_a_batch_without_genuine_pairs_teaches_nothing_that_needs_them(case):
    """No error in the middle of a training, and no gradient from an average over nothing."""
    loss = case.build(4, 6)
    x, y = batch(6, 4, 6, dtype=torch.float32)
    value, grads = run(loss, x, y)
    if not isinstance(loss, (losses.Contrastive, losses.Joint)):  # those learn from impostor pairs or classes alone
        assert value.item() == 0.0
        assert grads[0].abs().max().item() == 0.0
