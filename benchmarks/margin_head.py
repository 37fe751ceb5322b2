"""Time and memory of one training step of ArcFace's head (forward and backward), beside its peers and its floor.

    python benchmarks/margin_head.py                              # the whole table, some minutes
    python benchmarks/margin_head.py --batch 256 --classes 8631   # some of it
    python benchmarks/margin_head.py --accuracy                   # gradients of every version against float64
    python benchmarks/margin_head.py --million                    # one SGD step with 1,000,000 people

The floor is the three matrix products of any such head, x W^T, G W and G^T x, and nothing else. Time is the least of
several warm steps, in which the versions take turns. Memory is the peak of the resident size above what it was with
weights and embeddings in place, in a process of its own.
"""

import argparse
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from fresh import in_fresh_process, reset_peak, resident
from torch import Tensor, nn

from facerec.memory import keep_freed_memory

DIM, SCALE, MARGIN = 512, 64.0, 0.5
Step = Callable[[Tensor, Tensor], Tensor]


def student_head(weight: nn.Parameter) -> Step:
    """ArcFace as tutorials have it: one-hot masks on the whole matrix."""

    def step(x: Tensor, labels: Tensor) -> Tensor:
        cosine = F.linear(F.normalize(x), F.normalize(weight))
        sine = torch.sqrt((1.0 - cosine**2).clamp(1e-9, 1.0))
        phi = cosine * math.cos(MARGIN) - sine * math.sin(MARGIN)
        phi = torch.where(cosine > -math.cos(MARGIN), phi, cosine - MARGIN * math.sin(MARGIN))
        one_hot = torch.zeros_like(cosine)
        one_hot.scatter_(1, labels[:, None], 1.0)
        return F.cross_entropy(SCALE * (one_hot * phi + (1.0 - one_hot) * cosine), labels)

    return step


def make_step(version: str, weight: nn.Parameter, precision: str) -> tuple[Step, nn.Parameter]:
    """The forward pass of a version, and the parameter its gradient goes to."""
    if version in ("ours", "plain"):
        from facerec.losses import ArcFace, Computation

        computation = Computation("blocked" if version == "ours" else "plain", precision)
        loss = ArcFace(SCALE, MARGIN, computation=computation).build(weight.shape[1], len(weight))
        loss.weight = weight
        return loss, weight
    if version == "pml":
        from pytorch_metric_learning.losses import ArcFaceLoss

        theirs = ArcFaceLoss(1, weight.shape[1], margin=math.degrees(MARGIN), scale=SCALE)
        theirs.num_classes, theirs.W = len(weight), nn.Parameter(weight.detach().T.contiguous())  # a copy, not counted
        return theirs, theirs.W
    return student_head(weight), weight


def floor_step(x: Tensor, weight: Tensor, precision: str) -> Callable[[], object]:
    """The three products alone, with the tensors already in the precision."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    x, weight = x.detach().to(dtype), weight.detach().to(dtype)

    def step() -> object:
        product = x @ weight.T
        return product @ weight, product.T @ x

    return step


def full_step(version: str, x: Tensor, labels: Tensor, weight: nn.Parameter, precision: str) -> Callable[[], object]:
    """Forward and backward of a version; peers run in bfloat16 by autocast, as their users do."""
    if version == "floor":
        return floor_step(x, weight, precision)
    head, parameter = make_step(version, weight, precision)
    autocast = precision == "bfloat16" and version not in ("ours", "plain")

    def step() -> object:
        x.grad = parameter.grad = None
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = head(x, labels)
        loss.backward()
        return loss

    return step


def example(batch: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor, nn.Parameter]:
    """Embeddings that have begun to gather at their class weights, as in the middle of a training."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.empty(classes, DIM).normal_(std=DIM**-0.5, generator=generator)
    labels = torch.randint(classes, (batch,), generator=generator)
    x = weight[labels] + torch.empty(batch, DIM).normal_(std=1.5 * DIM**-0.5, generator=generator)
    return x.requires_grad_(), labels, nn.Parameter(weight)


def measure_memory(version: str, batch: int, classes: int, precision: str) -> float:
    """MiB of one cell."""
    x, labels, weight = example(batch, classes)
    full_step(version, *example(batch, 64), precision)()  # loads kernels and thread pools
    step = full_step(version, x, labels, weight, precision)
    before = resident("VmRSS")
    reset_peak()
    step()
    step()
    return resident("VmHWM") - before


def measure_time(
    versions: list[str], batch: int, classes: int, precision: str, rounds: int, kept: bool
) -> dict[str, float]:
    """Least seconds of each version. They take turns, so that a busy machine slows all alike."""
    if kept:
        keep_freed_memory()
    x, labels, weight = example(batch, classes)
    steps = {version: full_step(version, x, labels, weight, precision) for version in versions}
    seconds = dict.fromkeys(versions, math.inf)
    for _ in range(rounds):
        for version, step in steps.items():
            step()  # its memory is warm then, as in a training
            for _ in range(2):
                start = time.perf_counter()
                step()
                seconds[version] = min(seconds[version], time.perf_counter() - start)
            x.grad = weight.grad = None
    return seconds


def table(
    batches: list[int], class_counts: list[int], precisions: list[str], versions: list[str], rounds: int, kept: bool
) -> None:
    """Print a Markdown table, one row a setting."""
    print("| precision | C | B | " + " | ".join(f"{v} ms (x {versions[0]}), MiB" for v in versions) + " |")
    print("| --- " * (3 + len(versions)) + "|")
    for precision in precisions:
        for classes in class_counts:
            for batch in batches:
                seconds = in_fresh_process(measure_time, versions, batch, classes, precision, rounds, kept)
                row = []
                for version in versions:
                    mebibytes = in_fresh_process(measure_memory, version, batch, classes, precision)
                    ratio = seconds[version] / seconds[versions[0]]
                    row.append(f"{1e3 * seconds[version]:.1f} ({ratio:.2f}), {mebibytes:.0f}")
                print(f"| {precision} | {classes:,} | {batch} | " + " | ".join(row) + " |", flush=True)


def accuracy(batch: int, classes: int) -> None:
    """Print the relative error of both gradients against plain float64."""
    x, labels, weight = example(batch, classes)
    exact_x, exact_w = x.detach().double().requires_grad_(), nn.Parameter(weight.detach().double())
    student_head(exact_w)(exact_x, labels).backward()
    print(f"relative error of the gradients, B = {batch}, C = {classes:,}\n")
    print("| version | precision | x | W |\n| --- | --- | --- | --- |")
    for precision in ("float32", "bfloat16"):
        for version in ("ours", "plain", "pml", "student"):
            fresh = example(batch, classes)
            head, parameter = make_step(version, fresh[2], precision)
            with torch.autocast(
                "cpu", torch.bfloat16, enabled=precision == "bfloat16" and version in ("pml", "student")
            ):
                loss = head(fresh[0], fresh[1])
            loss.backward()
            grad_w = parameter.grad.T if version == "pml" else parameter.grad
            errors = [
                ((ours - exact).norm() / exact.norm()).item()
                for ours, exact in ((fresh[0].grad.double(), exact_x.grad), (grad_w.double(), exact_w.grad))
            ]
            print(f"| {version} | {precision} | {errors[0]:.1e} | {errors[1]:.1e} |")


def million(classes: int, batch: int) -> tuple[float, float, float]:
    """Loss, seconds and peak GiB of one step of SGD with momentum; the peak counts everything, Python and torch too."""
    from facerec.losses import ArcFace

    loss = ArcFace(SCALE, MARGIN)
    loss.build(DIM, classes)
    x, labels = torch.randn(batch, DIM, requires_grad=True), torch.randint(classes, (batch,))
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.1, momentum=0.9)
    start = time.perf_counter()
    value = loss(x, labels)
    value.backward()
    optimizer.step()
    return value.item(), time.perf_counter() - start, resident("VmHWM") / 1024


def main() -> None:
    """Read the command line and print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[64, 256, 512])
    parser.add_argument("--classes", type=int, nargs="+", default=[8631, 85742])
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--versions", nargs="+", default=["floor", "ours", "plain", "pml", "student"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kept", action="store_true", help="time with freed memory kept, as facerec's commands do")
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--million", action="store_true")
    args = parser.parse_args()
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    cpu = cpu.partition(":")[2].strip() or platform.processor()
    print(f"torch {torch.__version__}, {cpu}, {torch.get_num_threads()} threads")
    if args.accuracy:
        accuracy(256, 8631)
    elif args.million:
        value, seconds, gibibytes = in_fresh_process(million, 1_000_000, 256)
        print(f"C = 1,000,000, D = 512, B = 256: loss {value:.2f}, {seconds:.1f} s, peak {gibibytes:.2f} GiB")
    else:
        table(args.batch, args.classes, args.precision, args.versions, args.rounds, args.kept)


if __name__ == "__main__":
    main()
