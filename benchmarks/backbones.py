"""Training steps of our backbones against timm's of the same architecture, in one process, turn by turn.

    python benchmarks/backbones.py --dtype float32 bfloat16 --format contiguous channels_last

A step is forward and backward of the network on one batch, ending in both with our head behind the pooling: a linear
layer to 512 and batch normalisation. Both see the same images.
``ratio`` is timm's time over ours: above 1, ours is faster. It is the median over the rounds, in each of which both
take a step, one right after the other, so that a machine whose speed drifts slows both alike. Both are built anew
several times, for where in memory a network happens to lie is worth some per cent (``--control --builds 1`` shows
it); ``95 %`` is the interval from resampling the builds, and their rounds. Rates are of the median step. Freed memory
is kept, as `facerec fit` does.
``of floor`` is the multiply-adds that our step needs (three times the forward pass) by the rate at which one large
matrix product of the same type runs here: 1 would be a network that is nothing but matrix products.
"""

import argparse
import functools
import itertools
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facerec.backbones.catalogue import CATALOGUE
from facerec.backbones.cost import multiply_adds
from facerec.memory import keep_freed_memory

PEERS = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "seresnet50": "seresnet50",
    "resnext50": "resnext50_32x4d",
    "resnest50": "resnest50d",
    "regnet_x_800mf": "regnetx_008",
    "regnet_y_800mf": "regnety_008",
    "densenet121": "densenet121",
    "vgg11": "vgg11_bn",
    "mobilenet_v1": "mobilenetv1_100",
    "mobilenet_v2": "mobilenetv2_100",
    "efficientnet_b0": "efficientnet_b0",
    "convnext_tiny": "convnext_tiny",
    "nfnet_f0": "nfnet_f0",
}
ALONE = ("resnet34", "mobilefacenet", "spherenet20", "iresnet18", "iresnet50")  # face stems: timm has no counterpart
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Clock = Callable[[], float]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def processor() -> str:
    """Model of the processor, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def training_step(network: nn.Module, images: Tensor, dtype: torch.dtype, clock: Clock) -> Callable[[], float]:
    """A function that takes one step and returns its seconds."""

    def step() -> float:
        network.zero_grad(set_to_none=True)
        start = clock()
        with torch.autocast(images.device.type, dtype, enabled=dtype is not torch.float32):
            out = network(images)
        out.float().square().mean().backward()
        if images.is_cuda:
            torch.cuda.synchronize()
        return clock() - start

    return step


@functools.cache
def matmul_rate(dtype: torch.dtype, device: str, clock: Clock) -> float:
    """Multiply-adds per second of one large matrix product: the floor."""
    a = torch.randn(2048, 2048, device=device, dtype=dtype)
    times = []
    for _ in range(6):
        start = clock()
        (a @ a).sum().item()
        times.append(clock() - start)
    return 2048**3 / min(times)


def timm_network(peer: str) -> nn.Module:
    """The network of timm, ending as ours do."""
    network = timm.create_model(peer, num_classes=512, **({"skipinit": True} if "nfnet" in peer else {}))
    return nn.Sequential(network, nn.BatchNorm1d(512))


def time_rounds(
    networks: list[nn.Module], images: Tensor, dtype: torch.dtype, rounds: int, clock: Clock
) -> NDArray[np.float64]:
    """Seconds of a step of each network (rounds, networks), after one that warms up."""
    steps = [training_step(network, images, dtype, clock) for network in networks]
    seconds_RN = []
    for number in range(rounds + 1):
        # The order alternates, so that neither always finds the cache that the other left.
        order = steps if number % 2 else steps[::-1]
        seconds = {step: step() for step in order}
        seconds_RN.append([seconds[step] for step in steps])
    return np.array(seconds_RN[1:])


def compare(name: str, peer: str | None, arguments: argparse.Namespace, dtype_name: str, format_name: str) -> str:
    """One row of the table."""
    dtype, memory_format, clock = DTYPES[dtype_name], FORMATS[format_name], CLOCKS[arguments.clock]
    side, device = arguments.image_size, arguments.device
    settings = {"stem": "paper"} if peer else {}
    images = torch.randn(arguments.batch_size, 3, side, side, device=device).contiguous(memory_format=memory_format)

    def ours() -> nn.Module:
        backbone = CATALOGUE[name](embedding_dim=512, **settings)
        backbone.build((side, side))
        return backbone

    makers: list[Callable[[], nn.Module]] = [ours]
    if peer:
        makers = [functools.partial(timm_network, peer) if arguments.control else makers[0]]
        makers.append(functools.partial(timm_network, peer))
    builds = []
    for number in range(arguments.builds):
        order = makers if number % 2 else makers[::-1]
        made = {maker: maker().to(device, memory_format=memory_format) for maker in order}
        builds.append(time_rounds([made[maker] for maker in makers], images, dtype, arguments.rounds, clock))
    seconds_BRN = np.stack(builds)
    macs = 3 * multiply_adds(made[makers[0]], (side, side)) * arguments.batch_size
    middle_N = np.median(seconds_BRN, axis=(0, 1))
    rates = [f"{arguments.batch_size / seconds:.1f}" for seconds in middle_N]
    ratio, low, high = median_ratio(seconds_BRN) if peer else ("", "", "")
    floor = f"{macs / middle_N[0] / matmul_rate(dtype, device, clock):.2f}"
    cells = [name if peer else f"{name} (face)", format_name, dtype_name, rates[0], rates[1] if peer else ""]
    return "| " + " | ".join([*cells, ratio, f"{low} to {high}" if peer else "", floor]) + " |"


def median_ratio(seconds_BR2: NDArray[np.float64], samples: int = 2000) -> tuple[str, str, str]:
    """The median over builds and rounds of their time over ours, and its 95 % interval."""
    ratios_BR = seconds_BR2[..., 1] / seconds_BR2[..., 0]
    builds, rounds = ratios_BR.shape
    generator = np.random.default_rng(0)
    drawn_SB1 = generator.integers(builds, size=(samples, builds, 1))
    drawn_SBR = ratios_BR[drawn_SB1, generator.integers(rounds, size=(samples, builds, rounds))]
    low, high = np.quantile(np.median(drawn_SBR.reshape(samples, -1), axis=1), [0.025, 0.975])
    return f"{np.median(ratios_BR):.3f}", f"{low:.3f}", f"{high:.3f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="networks of `facerec backbones`; by default all with a peer in timm")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=["float32"])
    parser.add_argument("--format", nargs="+", choices=FORMATS, default=["contiguous"])
    parser.add_argument("--batch_size", type=int, default=8)
    parser.add_argument("--image_size", type=int, default=112)
    parser.add_argument("--builds", type=int, default=5, help="how often each network is built anew (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="steps of each build (%(default)s)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one thread on a busy machine")
    parser.add_argument("--threads", type=int, help="threads of torch; its own choice by default")
    parser.add_argument("--control", action="store_true", help="timm against itself: what differs from 1 is noise")
    parser.add_argument("--alone", action="store_true", help="the face networks, which have no peer, in every setting")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    if arguments.device == "cpu":
        keep_freed_memory()
    where = processor() if arguments.device == "cpu" else torch.cuda.get_device_name()
    print(
        f"{where}; {torch.get_num_threads()} threads, {arguments.clock} time; torch {torch.__version__}, "
        f"timm {timm.__version__}; batches of {arguments.batch_size} images "
        f"{arguments.image_size}x{arguments.image_size}\n"
    )
    print("| network | format | type | ours, images/s | timm, images/s | ratio | 95 % | of floor |")
    print("|---|---|---|---|---|---|---|---|")
    if arguments.control and arguments.alone:
        parser.error("--control compares with timm, --alone with nothing")
    names = arguments.names or list(ALONE if arguments.alone else PEERS)
    for name, dtype, memory_format in itertools.product(names, arguments.dtype, arguments.format):
        peer = None if arguments.alone else PEERS.get(name)
        print(compare(name, peer, arguments, dtype, memory_format), flush=True)


if __name__ == "__main__":
    main()
