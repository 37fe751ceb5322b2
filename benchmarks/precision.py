"""A training step in bfloat16 against float32 on a CPU: what `trainer.precision: auto` chooses by.

    OMP_NUM_THREADS=1 python benchmarks/precision.py
    OMP_NUM_THREADS=1 ONEDNN_MAX_CPU_ISA=AVX512_CORE python benchmarks/precision.py --rounds 3
    OMP_NUM_THREADS=1 ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python benchmarks/precision.py --rounds 3

The step is that of the default run: forward, backward and optimizer of ResNet-18 with ArcFace on 32 images of 112x112,
channels innermost. In a round each precision takes a step. CPU time holds on a busy machine, with one thread.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from facerec.backbones import EmbeddingHead, ResNet
from facerec.losses import ArcFace
from facerec.machine import this_machine
from facerec.memory import keep_freed_memory

PEOPLE, BATCH, SIZE = 24, 32, 112


def make_step(width: int, is_bfloat16: bool) -> Callable[[], None]:
    """A training step; each precision has a network of its own."""
    torch.manual_seed(0)
    backbone = ResNet(18, 128, width, "paper", head=EmbeddingHead("flatten", dropout=0.2))
    backbone.to(memory_format=torch.channels_last)
    loss = ArcFace(scale=16.0, angular_margin=0.3).build(128, PEOPLE)
    parameters = [*backbone.parameters(), *loss.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
    images_BCHW = torch.randn(BATCH, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    labels_B = torch.arange(BATCH) % PEOPLE

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16):
            embeddings_BD = backbone(images_BCHW)
        optimizer.zero_grad()
        loss(embeddings_BD.float(), labels_B).backward()
        optimizer.step()

    return step


def main() -> None:
    """Print one row a width."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, nargs="+", default=[8, 32, 64], help="of the first stage; 32 by default")
    parser.add_argument("--rounds", type=int, default=8)
    arguments = parser.parse_args()
    keep_freed_memory()
    machine = this_machine()
    vectors = torch.backends.cpu.get_cpu_capability()
    print(f"{machine.processor}; torch {torch.__version__}, {vectors}; fast bfloat16: {machine.bfloat16}")
    print("\n| width | float32, CPU ms | bfloat16, CPU ms | speed of bfloat16 | spread |\n|---|---|---|---|---|")
    for width in arguments.width:
        steps = [make_step(width, is_bfloat16=False), make_step(width, is_bfloat16=True)]
        seconds: list[list[float]] = [[], []]
        for number in range(arguments.rounds + 1):
            for step, kept in zip(steps, seconds, strict=True):
                start = time.process_time()
                step()
                if number:  # the first makes kernels
                    kept.append(time.process_time() - start)
        single, half = map(statistics.median, seconds)
        ratios = sorted(first / second for first, second in zip(*seconds, strict=True))
        row = f"{single * 1e3:.0f} | {half * 1e3:.0f} | {single / half:.2f} | {ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"| {width} | {row} |", flush=True)


if __name__ == "__main__":
    main()
