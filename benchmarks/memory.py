"""Training steps with freed memory kept by the process, as every command of facerec has it, and given back as usual.

    python benchmarks/memory.py
    python benchmarks/memory.py resnet34 --batch_size 32 --dtype float32

Each measurement is a process of its own, as the setting holds for a whole process; the two take turns. ``faster`` is
the median step given back over the median step kept, over all processes; memory is the peak of a process.
"""

import argparse
import itertools
import resource
import statistics
import time

import torch
from fresh import in_fresh_process

from facerec.backbones.catalogue import CATALOGUE
from facerec.memory import keep_freed_memory

WARM_UP = 3
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def measure(name: str, dtype: str, batch_size: int, steps: int, keep: bool) -> tuple[list[float], float]:
    """Seconds of some training steps, and the peak in MB."""
    if keep and not keep_freed_memory():
        raise SystemExit("freed memory cannot be kept here: it needs glibc, and no MALLOC_* in the environment")
    torch.manual_seed(0)
    network = CATALOGUE[name](embedding_dim=512).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    images = torch.randn(batch_size, 3, 112, 112).contiguous(memory_format=torch.channels_last)
    seconds = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        with torch.autocast("cpu", DTYPES[dtype], enabled=dtype != "float32"):
            embeddings = network(images)
        embeddings.float().square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
    return seconds[WARM_UP:], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["resnet18", "resnet34", "mobilefacenet"])
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--batch_size", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--steps", type=int, default=8, help="of each process (%(default)s)")
    parser.add_argument("--processes", type=int, default=3, help="of each kind (%(default)s)")
    arguments = parser.parse_args()
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, channels_last, 112x112\n")
    print("| network | type | batch | given back, images/s | kept, images/s | faster | given back, MB | kept, MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, dtype, batch_size in itertools.product(arguments.names, arguments.dtype, arguments.batch_size):
        seconds: dict[bool, list[float]] = {False: [], True: []}
        peak = {False: 0.0, True: 0.0}
        for _, keep in itertools.product(range(arguments.processes), (False, True)):
            taken, megabytes = in_fresh_process(measure, name, dtype, batch_size, arguments.steps, keep)
            seconds[keep] += taken
            peak[keep] = max(peak[keep], megabytes)
        middle = {keep: statistics.median(seconds[keep]) for keep in seconds}
        rates = " | ".join(f"{batch_size / middle[keep]:.1f}" for keep in (False, True))
        ratio = f"{middle[False] / middle[True]:.2f}"
        print(
            f"| {name} | {dtype} | {batch_size} | {rates} | {ratio} | {peak[False]:.0f} | {peak[True]:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
