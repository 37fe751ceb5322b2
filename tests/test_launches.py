"""The instrument that counts launches and waits sees those that are there."""

import numpy as np
import pytest
import torch

from tests.launches import DEVICE, Launches

X = torch.zeros(6, 3, device=DEVICE)


def counted(work):
    with Launches() as launches:
        work()
    return launches


@pytest.mark.parametrize(
    ("work", "operators"),
    [
        (lambda: X + 1.0, {"add": 1}),
        (lambda: (X * 2.0).sum(1), {"mul": 1, "sum": 1}),
        (lambda: X[1:].t().reshape(-1, 1).expand(-1, 4), {"clone": 1}),  # a reshape that must copy
        (lambda: torch.empty_like(X).split(2), {}),
        (lambda: torch.ones(4) + 1.0, {}),  # on the host
        (lambda: X[torch.arange(3, device=DEVICE)], {"arange": 1, "index": 1}),
    ],
)
def test_operators_of_the_device_are_counted(work, operators):
    launches = counted(work)
    assert +launches.operators == operators
    assert launches.total == sum(operators.values())
    assert not launches.waits
    assert not launches.copies


def test_the_backward_pass_is_counted():
    x = X.clone().requires_grad_()
    loss = (x * x).sum()
    launches = counted(loss.backward)
    assert launches.operators["mul"] >= 2
    assert x.grad is not None
    assert not launches.waits


@pytest.mark.parametrize(
    "work",
    [
        lambda: X[0, 0].item(),
        lambda: float(X.sum()),
        lambda: X.tolist(),
        lambda: X.cpu(),
        lambda: X.cpu().numpy(),
        lambda: bool((X > 0).all()),
        lambda: X.nonzero(),
        lambda: X[X > 0],
        lambda: torch.zeros(6, 3).copy_(X),
        lambda: torch.unique(X),
        lambda: torch.equal(X, X),
        lambda: torch.bincount(X[:, 0].long()),
        lambda: X.repeat_interleave(X[:, 0].long(), 0),
        lambda: torch.tensor([1.0, 2.0], device=DEVICE),
        lambda: X.new_tensor([1.0, 2.0]),
        lambda: torch.as_tensor(np.ones(3), device=DEVICE),
        lambda: torch.ones(3).to(DEVICE),
        lambda: torch.zeros(6, 3, device=DEVICE).copy_(torch.ones(6, 3)),
        lambda: X[torch.tensor([1, 2])],  # places on the host
        lambda: X[[1, 2]],
        lambda: X.clone().__setitem__(X > 0, torch.ones(18, device=DEVICE)),
    ],
)
def test_a_wait_is_seen(work):
    launches = counted(work)
    assert launches.waits.total() == 1
    assert not launches.copies


def test_a_copy_that_does_not_wait_is_no_wait():
    launches = counted(lambda: torch.ones(3).to(DEVICE, non_blocking=True) + torch.ones(()))  # a number is no copy
    assert launches.copies.total() == 1
    assert not launches.waits
    assert launches.operators == {"_to_copy": 1, "add": 1}


@pytest.mark.parametrize(
    "work",
    [
        lambda: X.repeat_interleave(2, 0),
        lambda: X.repeat_interleave(X[:, 0].long(), 0, output_size=6),
        lambda: X.clone().masked_fill_(X > 0, 1.0),
        lambda: X.clone().__setitem__(X > 0, 0.0),
        lambda: torch.where(X > 0, 1.0, X),
        lambda: torch.full((2,), 0.3, device=DEVICE),
    ],
)
def test_what_needs_no_value_does_not_wait(work):
    launches = counted(work)
    assert not launches.waits
    assert not launches.copies


def test_a_wait_has_its_place():
    work = compile("\nx.tolist()", "/somewhere/facerec/losses/there.py", "exec")
    assert dict(counted(lambda: exec(work, {"x": X})).waits) == {"copy to the host, losses/there.py:2": 1}


def test_tensors_of_two_devices_are_refused_as_on_a_gpu():
    with pytest.raises(RuntimeError, match="device"):
        counted(lambda: X + torch.ones(6, 3))
