"""Time and memory of one step of the losses on pairs (forward and backward), beside pytorch-metric-learning.

    python benchmarks/pair_losses.py
    python benchmarks/pair_losses.py --batch 2048 --losses triplet circle

Batches of B / 4 people with 4 images each, D = 512. Time is the least of several steps, in which the two take turns;
memory is the peak of the resident size above what it was with the embeddings in place, in a process of its own.
"""

import argparse
import math
import time
from collections.abc import Callable

import torch
from fresh import in_fresh_process, reset_peak, resident
from torch import Tensor

DIM = 512
NAMES = ("triplet", "triplet-all", "triplet-soft", "supcon", "circle", "n-pair")
Loss = Callable[[Tensor, Tensor], Tensor]


def ours(name: str) -> Loss:
    """Our loss of that name."""
    from facerec import losses

    return {
        "triplet": losses.Triplet(0.2, strategy="batch_hard"),
        "triplet-all": losses.Triplet(1.0, strategy="all", average="active"),
        "triplet-soft": losses.Triplet(strategy="all", soft_margin=True),
        "supcon": losses.SupCon(0.1),
        "circle": losses.Circle(80.0, 0.4),
        "n-pair": losses.NPair(1.0, normalize=True, squared_length_weight=0.0),
    }[name]


def theirs(name: str) -> Loss:
    """The same of pytorch-metric-learning, with the reducer that averages as ours does."""
    from pytorch_metric_learning import distances, losses, miners, reducers

    distance = distances.LpDistance(power=2, normalize_embeddings=True)
    if name == "triplet-all":
        return losses.TripletMarginLoss(1.0, distance=distance)
    if name == "triplet-soft":
        return losses.TripletMarginLoss(0.0, smooth_loss=True, distance=distance, reducer=reducers.MeanReducer())
    if name == "triplet":
        miner = miners.BatchHardMiner(distance=distance)
        loss = losses.TripletMarginLoss(0.2, distance=distance, reducer=reducers.MeanReducer())
        return lambda x, labels: loss(x, labels, miner(x, labels))
    if name == "supcon":
        return losses.SupConLoss(0.1, reducer=reducers.MeanReducer())
    if name == "circle":
        return losses.CircleLoss(0.4, 80, reducer=reducers.MeanReducer())
    return losses.NPairsLoss()  # one pair a person


def example(batch: int, name: str) -> tuple[Tensor, Tensor]:
    """Embeddings that have begun to gather, 4 images a person (2 for N-pair, the form that both have)."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(batch) // (2 if name == "n-pair" else 4)
    people = torch.empty(batch, DIM).normal_(generator=generator)
    x = people[labels] + torch.empty(batch, DIM).normal_(generator=generator)
    return x.requires_grad_(), labels


def step(loss: Loss, x: Tensor, labels: Tensor) -> float:
    """One step, and its loss."""
    x.grad = None
    value = loss(x, labels)
    value.backward()
    return value.item()


def measure_time(name: str, batch: int, rounds: int) -> list[float]:
    """Least seconds of ours and theirs, which must agree."""
    x, labels = example(batch, name)
    pair = (ours(name), theirs(name))
    values = [step(loss, x, labels) for loss in pair]
    assert math.isclose(*values, rel_tol=1e-4, abs_tol=1e-5), f"not the same loss: {values}"
    seconds = [math.inf, math.inf]
    for _ in range(rounds):
        for which, loss in enumerate(pair):
            start = time.perf_counter()
            step(loss, x, labels)
            seconds[which] = min(seconds[which], time.perf_counter() - start)
    return seconds


def measure_memory(name: str, batch: int, is_ours: bool) -> float:
    """MiB of one of them."""
    loss = ours(name) if is_ours else theirs(name)
    step(loss, *example(16, name))  # loads kernels and thread pools
    x, labels = example(batch, name)
    before = resident("VmRSS")
    reset_peak()
    step(loss, x, labels)
    step(loss, x, labels)
    return resident("VmHWM") - before


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[256, 2048])
    parser.add_argument("--losses", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    print("| loss | B | ours ms | pml ms | faster | ours MiB | pml MiB | share |\n" + "| --- " * 8 + "|")
    for name in args.losses:
        for batch in args.batch:
            seconds = in_fresh_process(measure_time, name, batch, args.rounds)
            memory = [in_fresh_process(measure_memory, name, batch, is_ours) for is_ours in (True, False)]
            print(
                f"| {name} | {batch} | {1e3 * seconds[0]:.2f} | {1e3 * seconds[1]:.2f} | {seconds[1] / seconds[0]:.2f} "
                f"| {memory[0]:.0f} | {memory[1]:.0f} | {memory[0] / memory[1]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
