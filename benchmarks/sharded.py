"""Memory, time and error of class weights that are split over gloo processes, beside insightface's PartialFC.

    python benchmarks/sharded.py
    python benchmarks/sharded.py --insightface DIR     # DIR has recognition/arcface_torch/partial_fc_v2.py

CosFace with scale 64 and margin 0.35, D = 512, SGD with momentum. Three ways take the same global batch:

- whole: each process has all class weights (``sharded: false``), and their gradients are averaged, as DDP does.
- ours: ``sharded: true``.
- PartialFC: ``PartialFC_V2`` of insightface, with ``.cuda()`` made to do nothing.

Memory is the peak of the resident size of a process over three steps above what it was before the class weights: these,
their gradient and momentum, and the logits. Time is CPU time of a process for a step, the least of several. Errors are
against one process in float64: of the loss, and of all gradients by their norm. In the batch "far" each embedding
points away from its own class weight, as one with a wrong label may.
"""

import argparse
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from fresh import reset_peak, resident
from torch import Tensor, nn

DIM, SCALE, MARGIN = 512, 64.0, 0.35
WAYS = ("whole", "ours", "PartialFC")
Step = Callable[[Tensor, Tensor], Tensor]


def class_weights(people: int) -> Tensor:
    """The same start for all ways (C, D)."""
    return torch.empty(people, DIM).normal_(std=DIM**-0.5, generator=torch.Generator().manual_seed(0))


def example(people: int, batch: int, kind: str) -> tuple[Tensor, Tensor]:
    """Embeddings and labels of all processes (B, D), (B,)."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, people, (batch,), generator=generator)
    noise = torch.empty(batch, DIM).normal_(generator=generator)
    return (noise if kind == "random" else 0.3 * noise - 10.0 * class_weights(people)[labels]), labels


def ours(people: int, sharded: bool) -> nn.Module:
    """CosFace with its class weights."""
    from facerec.losses import CosFace
    from facerec.losses.sharding import split_over_processes

    loss = CosFace(SCALE, MARGIN, sharded=sharded).build(DIM, people)
    loss.weight.data.copy_(class_weights(people))
    split_over_processes(loss)
    return loss


def partial_fc(people: int, insightface: Path) -> nn.Module:
    """PartialFC_V2 on the CPU."""
    sys.path.insert(0, str(insightface / "recognition" / "arcface_torch"))
    from losses import CosFace
    from partial_fc_v2 import PartialFC_V2

    torch.Tensor.cuda = lambda self, *args, **kwargs: self  # type: ignore[method-assign]
    head: nn.Module = PartialFC_V2(CosFace(SCALE, MARGIN), DIM, people)
    head.weight.data.copy_(class_weights(people)[head.class_start : head.class_start + head.num_local])
    return head


def head_of(way: str, people: int, insightface: Path) -> nn.Module:
    """The loss of a way, with class weights."""
    return partial_fc(people, insightface) if way == "PartialFC" else ours(people, sharded=way == "ours")


def exact(people: int, batch: int, kind: str) -> tuple[float, Tensor, Tensor]:
    """Loss, gradient of the embeddings and of the class weights in float64, written out on its own."""
    embeddings, labels = example(people, batch, kind)
    embeddings, weight = embeddings.double().requires_grad_(), class_weights(people).double().requires_grad_()
    cosines = nn.functional.normalize(embeddings) @ nn.functional.normalize(weight).T
    margin = torch.zeros_like(cosines).scatter_(1, labels[:, None], MARGIN)
    loss = nn.functional.cross_entropy(SCALE * (cosines - margin), labels)
    loss.backward()
    assert embeddings.grad is not None
    assert weight.grad is not None
    return loss.item(), embeddings.grad, weight.grad


def step_of(head: nn.Module, way: str, optimizer: torch.optim.Optimizer) -> Step:
    """A step: forward, backward, the mean of whole class weights' gradients, and the optimizer."""

    def step(embeddings: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = head(embeddings, labels.clone())  # PartialFC changes them
        loss.backward()
        if way == "whole" and dist.get_world_size() > 1:
            dist.all_reduce(head.weight.grad)
            head.weight.grad.div_(dist.get_world_size())
        optimizer.step()
        return loss.detach()

    return step


def measure(rank: int, world: int, meeting: str, way: str, options: argparse.Namespace, found: Any) -> None:
    """The work of a process: memory, time, errors."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=world)
    share = slice(rank * options.batch // world, (rank + 1) * options.batch // world)
    embeddings, labels = (part[share] for part in example(options.people, options.batch, "random"))
    step_of(tiny := head_of(way, 64, options.insightface), way, torch.optim.SGD(tiny.parameters(), 0.0))(
        embeddings.requires_grad_(), labels % 64
    )  # loads kernels and opens connections
    before = resident("VmRSS")
    head = head_of(way, options.people, options.insightface)
    step = step_of(head, way, torch.optim.SGD(head.parameters(), lr=0.0, momentum=0.9))
    reset_peak()
    for _ in range(3):
        step(embeddings, labels)
    memory, least = resident("VmHWM") - before, math.inf
    for _ in range(options.rounds):
        start = time.process_time()
        step(embeddings, labels)
        least = min(least, time.process_time() - start)
    errors = [error_of(step, head, rank, world, kind, way, options) for kind in ("random", "far")]
    found.append((memory, 1e3 * least, *(value for pair in errors for value in pair)))
    dist.destroy_process_group()


def error_of(
    step: Step, head: nn.Module, rank: int, world: int, kind: str, way: str, options: argparse.Namespace
) -> tuple[float, float]:
    """Relative error of the loss, and of all gradients together."""
    embeddings, labels = example(options.people, options.batch, kind)
    share = slice(rank * options.batch // world, (rank + 1) * options.batch // world)
    own = embeddings[share].clone().requires_grad_()
    loss = step(own, labels[share])
    value, of_embeddings, of_weights = exact(options.people, options.batch, kind)
    rows = (
        slice(0, options.people)
        if way == "whole"
        else slice(rank * options.people // world, (rank + 1) * options.people // world)
    )
    assert own.grad is not None
    pairs = ((own.grad / world, of_embeddings[share]), (head.weight.grad, of_weights[rows]))
    off = sum(float((mine - theirs).square().sum()) for mine, theirs in pairs)
    size = sum(float(theirs.square().sum()) for _, theirs in pairs)
    return abs(loss.item() - value) / value, (off / size) ** 0.5


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=65536, help="class weights C, a multiple of the processes")
    parser.add_argument("--batch", type=int, default=128, help="images of all processes together")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--insightface", type=Path, help="folder of a copy of github.com/deepinsight/insightface")
    options = parser.parse_args()
    ways = WAYS if options.insightface else WAYS[:2]
    print(
        "| processes | way | MiB a process | CPU ms a step | loss off | gradient off | far: loss off | gradient off |"
    )
    print("| --- " * 8 + "|")
    for world in options.processes:
        for way in ways:
            with tempfile.TemporaryDirectory() as folder, mp.Manager() as manager:
                found = manager.list()
                mp.spawn(measure, (world, f"{folder}/meeting", way, options, found), nprocs=world)
                memory, milliseconds, *errors = (max(values) for values in zip(*found, strict=True))
            shown = " | ".join(f"{error:.0e}" for error in errors)
            print(f"| {world} | {way} | {memory:.0f} | {milliseconds:.0f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
