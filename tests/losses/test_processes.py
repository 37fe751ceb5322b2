"""Two and three processes compute the loss and the gradients of one process with the whole batch, for every loss."""

import warnings

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from facerec.losses import DeepAndShallow, NormFace, SupCon
from tests.losses.loss_cases import CASES, batch, seeded

SIZES = {2: (11, 7), 3: (8, 4, 6)}
PEOPLE, DIM, PIXELS = 6, 5, 4


class Model(nn.Module):
    """A backbone in float64, with its loss."""

    def __init__(self, case, people=PEOPLE):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(nn.Linear(PIXELS, 16), nn.Tanh(), nn.Linear(16, DIM)).double()
        self.loss = case.build(DIM, people).double().train()

    def forward(self, images, labels):
        return seeded(self.loss, self.backbone(images), labels)


def split(rows, sizes):
    """A process's share: every few rows, so that a person's images lie in different processes."""
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(2))
    return rows[order].split(list(sizes))


def results(model, images, labels):
    """Two steps, so that running statistics and centres are compared too."""
    values = []
    for _ in range(2):
        model.zero_grad()
        value = model(images, labels)
        value.backward()
        values.append(value.detach())
    module = getattr(model, "module", model)
    gradients = {name: weight.grad for name, weight in module.named_parameters() if weight.grad is not None}
    return {"loss": torch.stack(values), **gradients, **dict(module.loss.named_buffers())}


def compare(rank, world, meeting, failures):
    """The work of a process."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=world)
    images, labels = batch(sum(SIZES[world]), PIXELS, PEOPLE, seed=4)
    images, labels = split(images, SIZES[world]), split(labels, SIZES[world])
    for case in CASES:
        together = results(
            DistributedDataParallel(Model(case), find_unused_parameters=True), images[rank], labels[rank]
        )
        dist.barrier()
        alone = in_one_process(case, torch.cat(images), torch.cat(labels))
        assert together.keys() == alone.keys()
        largest = max(alone[name].abs().max() for name in alone if name.startswith("backbone"))
        for name, expected in alone.items():
            scale = largest if name.startswith("backbone") else expected.abs().max().clamp(min=1e-6)
            error = (together[name] - expected).abs().max() / scale
            if not error < 1e-10:
                failures.append(f"{case.name} {name}: process {rank} of {world} is off by {error:.1e}")
    compare_shallow(rank, world, failures)
    dist.destroy_process_group()


def compare_shallow(rank, world, failures):
    """Shallow people of different processes are different people, and behind the labelled images of all."""
    rows, labels = batch(6 * world, DIM, PEOPLE, seed=5)
    deep, first, second = (part.requires_grad_() for part in rows.detach().split([2 * world] * 3))
    share = slice(2 * rank, 2 * rank + 2)
    loss = DeepAndShallow(NormFace(20.0), SupCon(0.2)).build(DIM, PEOPLE).double()
    loss.parts["deep"].weight.data = torch.eye(PEOPLE, DIM, dtype=torch.float64)
    value = loss(torch.cat([deep[share], first[share], second[share]]), labels[: 2 * world][share])
    alone = loss.of_whole_batch(torch.cat([deep, first, second]), labels[: 2 * world])
    own = [gradient[share] for gradient in torch.autograd.grad(value, (deep, first, second))]
    expected = [world * gradient[share] for gradient in torch.autograd.grad(alone, (deep, first, second))]
    if not all(map(torch.allclose, (value, *own), (alone, *expected))):
        failures.append(f"shallow people: process {rank} of {world} has another loss or gradient")


def in_one_process(case, images, labels):
    """The whole batch at once, without gathering."""
    model = Model(case)
    model.loss.gathered = lambda embeddings, labels: (embeddings, labels)
    return results(model, images, labels)


@pytest.mark.parametrize("world", SIZES)
def test_every_loss_sees_the_batch_of_all_processes(world, tmp_path):
    with mp.Manager() as manager:
        failures = manager.list()
        mp.spawn(compare, (world, tmp_path / "meeting", failures), nprocs=world)
        assert not list(failures)
