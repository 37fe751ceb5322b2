"""The blocked margin softmax is the plain one: at every block size, precision and shape, compiled and not."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import facerec.losses as losses
from facerec.losses import Computation
from facerec.losses.functional import product
from facerec.losses.functional.matmul import factors_in
from tests.losses.loss_cases import MARGIN_SOFTMAX, batch, every_margin_softmax, seeded


def both(case, size, dim, people, block=1 << 18, dtype=torch.float32, seed=0, **settings):
    """(loss, gradient of the embeddings, gradient of the weights) of either implementation."""
    results = []
    for implementation in ("blocked", "plain"):
        loss = case.build(dim, people, seed, computation=Computation(implementation), **settings).to(dtype)
        loss.softmax = replace(loss.softmax, block=block)
        x, y = batch(size, dim, people, seed, dtype)
        value = seeded(loss, x.requires_grad_(), y)
        value.backward()
        results.append((value.detach(), x.grad, loss.weight.grad))
    return results


@every_margin_softmax
@pytest.mark.parametrize("block", [1, 20, 45, 107, 108])  # 12 images of 9 classes, with 1, 2, 5, 11, 12 at a time
def test_blocks_of_any_size_equal_the_whole(case, block):
    blocked, plain = both(case, 12, 6, 9, block, torch.float64)
    for ours, reference in zip(blocked, plain, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", MARGIN_SOFTMAX, ids=lambda case: case.name)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    size=st.integers(1, 20),
    dim=st.integers(2, 12),
    people=st.integers(1, 40),
    block=st.integers(1, 400),
    seed=st.integers(0, 999),
)
def test_blocked_equals_plain_at_any_shape(case, size, dim, people, block, seed):
    blocked, plain = both(case, size, dim, people, block, torch.float64, seed)
    for ours, reference in zip(blocked, plain, strict=True):
        assert (ours - reference).norm() <= 1e-6 * reference.norm() + 1e-9


@every_margin_softmax
def test_bfloat16_factors_leave_the_gradient_close_to_float64(case):
    """The bound of 5e-3 is for embeddings on their way to their class, as in benchmarks/margin_head.py."""
    if case.name == "normface-steep":
        pytest.skip("at scale 200 nearly all of the gradient is a tail of exponentials that one rounding moves by 5 %")
    grads = []
    for dtype, precision in ((torch.float32, "bfloat16"), (torch.float64, "float32")):
        loss = case.build(128, 500, computation=Computation("blocked", precision)).to(dtype)
        generator = torch.Generator().manual_seed(0)
        y = torch.randint(500, (64,), generator=generator)
        rows = y * getattr(loss.softmax, "subcenters", 1)
        noise = torch.randn(64, 128, generator=generator)
        x = (loss.weight.detach()[rows].float() * 128**0.5 + 1.5 * noise).to(dtype).requires_grad_()
        seeded(loss, x, y).backward()
        grads.append((x.grad.double(), loss.weight.grad.double()))
    is_steep = loss.softmax.reweigh is not None or "curricular" in case.name
    bound = 5e-2 if is_steep else 5e-3  # rounding moves a logit in proportion to the slope
    bound = max(bound, 2e-2) if case.draws else bound  # a synthetic embedding is as near to two other people
    for rounded, exact in zip(*grads, strict=True):
        assert (rounded - exact).norm() < bound * exact.norm()


def precision_of_products():
    if hasattr(torch.backends.mkldnn, "matmul"):
        return torch.backends.mkldnn.matmul.fp32_precision
    return torch.get_float32_matmul_precision()  # torch before 2.9


def test_the_precision_of_matrix_products_is_put_back():
    before = precision_of_products()
    with pytest.raises(RuntimeError, match="stop"), factors_in("bfloat16"):
        raise RuntimeError("stop")
    assert precision_of_products() == before


def test_rounded_product_has_the_gradients_of_a_product():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(16, 32, generator=generator, requires_grad=True)
    b = torch.randn(32, 24, generator=generator, requires_grad=True)
    upstream = torch.randn(16, 24, generator=generator)
    rounded = torch.autograd.grad(product(a, b, "bfloat16"), (a, b), upstream)
    exact = torch.autograd.grad(a @ b, (a, b), upstream)
    for ours, reference in zip(rounded, exact, strict=True):
        assert (ours - reference).norm() < 1e-2 * reference.norm()


@pytest.mark.parametrize("implementation", ["blocked", "plain"])
def test_works_under_torch_compile(implementation):
    loss = losses.ArcFace(computation=Computation(implementation))
    loss.build(8, 5)
    x, y = batch(12, 8, 5, dtype=torch.float32)
    expected = loss(x, y)
    compiled = torch.compile(loss, backend="aot_eager")
    value = compiled(x.requires_grad_(), y)
    value.backward()
    torch.testing.assert_close(value, expected)
    assert torch.isfinite(x.grad).all()


def test_evaluation_keeps_no_exponentials():
    loss = losses.ArcFace(computation=Computation("blocked"))
    loss.build(8, 5)
    x, y = batch(12, 8, 5, dtype=torch.float32)
    with torch.no_grad():
        value = loss(x, y)
    assert value.grad_fn is None
    torch.testing.assert_close(value, loss(x, y).detach())


def test_backward_twice_through_a_kept_graph_is_the_same():
    loss = losses.CircleClassifier(computation=Computation("blocked"))
    loss.build(8, 5)
    x, y = batch(12, 8, 5, dtype=torch.float32)
    value = loss(x.requires_grad_(), y)
    first = torch.autograd.grad(value, x, retain_graph=True)[0]
    torch.testing.assert_close(torch.autograd.grad(value, x)[0], first, rtol=0, atol=0)


def test_memory_is_one_matrix_of_exponentials():
    """The largest tensors that live until the backward pass are the exponentials, once, and the inputs."""
    saved = []
    loss = losses.ArcFace(computation=Computation("blocked"))
    loss.build(8, 300)
    loss.softmax = replace(loss.softmax, block=64)
    x, y = batch(50, 8, 20, dtype=torch.float32)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        loss(x.requires_grad_(), y)
    large = [t for t in saved if t.numel() > 8 * 300]
    assert [t.numel() for t in large] == [50 * 300]


@pytest.mark.parametrize("scale", [70.0, 73.9, 74.1, 78.0, 80.0])
def test_the_gradient_is_finite_where_all_others_are_as_far_as_can_be(scale):
    """One other class, opposite to the embedding: the smallest sum of exponentials there is."""
    results = []
    for implementation in ("blocked", "plain"):
        loss = losses.NormFace(scale, computation=Computation(implementation))
        loss.build(2, 2)
        loss.weight.data = torch.tensor([[-1.0, 0.0], [-1.0, 1e-3]])
        x = torch.tensor([[1.0, 0.0]], requires_grad=True)
        loss(x, torch.tensor([0])).backward()
        results.append((x.grad, loss.weight.grad))
    for ours, reference in zip(*results, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-3, atol=1e-5)
