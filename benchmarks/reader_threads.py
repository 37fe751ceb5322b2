"""A training step after threads have read images: threads that compute alone against threads with helpers of their own.

    OMP_NUM_THREADS=2 python benchmarks/reader_threads.py

The readers resize 64 images each, once, before the steps are timed. "helpers" is a plain pool of as many threads: each
gets its own OpenMP threads, and OpenMP then finds more threads than cores. "alone" is ``share_out``.
The floor is a process that reads in its only thread. Medians over the steps of three processes of each kind, in turns.
"""

import argparse
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from backbones import processor
from fresh import in_fresh_process

from facerec.backbones import ResNet
from facerec.threads import share_out
from facerec.transforms.preprocess import resize

KINDS = ("floor", "alone", "helpers")


def read(numbers: range) -> None:
    """Resize an image for each number."""
    for _ in numbers:
        resize(torch.zeros(1, 3, 112, 92, dtype=torch.uint8), (64, 64))


def median_step(kind: str, size: int, width: int, steps: int) -> float:
    """Seconds of a training step of 32 images in bfloat16."""
    threads = torch.get_num_threads()
    if kind == "helpers":
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(read, [range(64)] * threads))
            return _median_step(size, width, steps)
    read(range(64)) if kind == "floor" else share_out(read, 64 * threads)
    return _median_step(size, width, steps)


def _median_step(size: int, width: int, steps: int) -> float:
    backbone = ResNet(18, width=width, stem="paper", embedding_dim=128)
    images, times = torch.randn(32, 3, size, size), []
    optimizer = torch.optim.SGD(backbone.parameters(), lr=1e-3)
    for _ in range(steps):
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            embeddings = backbone(images)
        embeddings.float().square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - start)
    return statistics.median(times[steps // 4 :])


def main() -> None:
    """Print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    steps = parser.parse_args().steps
    print(f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| ResNet-18 | floor ms | alone | helpers |\n|---|---|---|---|")
    for size, width in ((64, 16), (112, 32)):
        rounds = [[in_fresh_process(median_step, kind, size, width, steps) for kind in KINDS] for _ in range(3)]
        floor, *others = (statistics.median(times) for times in zip(*rounds, strict=True))
        ratios = " | ".join(f"{time / floor:.2f}" for time in others)
        print(f"| {size}x{size}, width {width} | {1000 * floor:.0f} | {ratios} |", flush=True)


if __name__ == "__main__":
    main()
