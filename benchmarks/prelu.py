"""A training step of the face networks on a CPU: our PReLU against torch's. The floor is LeakyReLU, of a fixed slope.

    OMP_NUM_THREADS=1 python benchmarks/prelu.py
    OMP_NUM_THREADS=1 ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python benchmarks/prelu.py --precisions float32

A step is forward and backward of 8 images, channels last. In a round each kind takes a step, and medians over rounds
are compared. CPU time holds on a busy machine, with one thread.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from backbones import processor
from torch import nn

from facerec.backbones import IResNet, MobileFaceNet, SphereNet
from facerec.backbones.prelu import PReLU
from facerec.memory import keep_freed_memory

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "IResNet-18": lambda: IResNet(18),
    "IResNet-18, width 16": lambda: IResNet(18, width=16),
    "SphereNet-20": lambda: SphereNet(20),
    "MobileFaceNet": lambda: MobileFaceNet(),
}
PRECISIONS = ("float32", "bf16-mixed")
KINDS: dict[str, Callable[[int], nn.Module]] = {
    "floor": lambda channels: nn.LeakyReLU(0.25),
    "ours": PReLU,
    "torch": nn.PReLU,
}


def with_activation(network: nn.Module, kind: str) -> nn.Module:
    """A copy of a network with another kind of activation."""
    network = copy.deepcopy(network)
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.PReLU):
                setattr(parent, name, KINDS[kind](child.num_parameters))
    return network.to(memory_format=torch.channels_last).train()


def seconds(network: nn.Module, images: torch.Tensor, is_mixed: bool) -> float:
    """CPU time of a step."""
    start = time.process_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=is_mixed):
        embeddings = network(images)
    embeddings.float().square().mean().backward()
    return time.process_time() - start


def main() -> None:
    """Print a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    options = parser.parse_args()
    keep_freed_memory()
    images = torch.randn(8, 3, 112, 112).to(memory_format=torch.channels_last)
    print(f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| network | " + " | ".join(f"{name}: floor ms | ours | torch" for name in options.precisions) + " |")
    print("|" + "---|" * (1 + 3 * len(options.precisions)))
    for name, build in NETWORKS.items():
        network, cells = build(), []
        kinds = {kind: with_activation(network, kind) for kind in KINDS}
        for precision in options.precisions:
            is_mixed = precision == "bf16-mixed"
            times = [
                {kind: seconds(own, images, is_mixed) for kind, own in kinds.items()} for _ in range(options.rounds + 2)
            ][2:]
            floor, ours, torchs = (statistics.median(each[kind] for each in times) for kind in KINDS)
            cells += [f"{1000 * floor:.0f}", f"{ours / floor:.2f}", f"{torchs / floor:.2f}"]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
