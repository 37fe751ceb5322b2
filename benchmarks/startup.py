"""Seconds and memory until the data module has half a million files, and what each worker then holds of its own.

    python benchmarks/startup.py
    python benchmarks/startup.py --files 5000 500000 --people 8631 --flat

The files are hard links to a few small JPEGs, in a temporary folder, and listed in one ``labels.txt``: a folder for
each person, or all in one folder with ``--flat``. For each number of files a fresh process measures

- seconds, and seconds of processor time: ``FaceDataModule(...)`` with every file seen to be there, and its loader;
- peak MB: what that adds to the process after its imports, at the highest;
- kept MB: what of it stays;
- worker MB: memory that a worker shares with nobody after it has read 20 batches (its libraries' writable pages are
  in it: compare the rows).

Targets for 500,000: under 5 seconds and 300 MB, and workers that do not grow with the number of files.
"""

import argparse
import gc
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torchvision.io import encode_jpeg

LINKS = 50_000  # of one file; ext4 allows 65,000
MB = 1e6


def memory(process: int | str, *keys: str) -> float:
    """MB of a process, as Linux counts them: a sum of lines of its smaps_rollup, or of its status."""
    source = "status" if keys[0].startswith("Vm") else "smaps_rollup"
    lines = Path(f"/proc/{process}/{source}").read_text().splitlines()
    return sum(float(line.split()[1]) * 1024 / MB for line in lines if line.split(":")[0] in keys)


def make_files(root: Path, files: int, people: int, flat: bool) -> None:
    """Hard links, and the list that names them."""
    (root / "images").mkdir()
    jpeg = encode_jpeg(torch.arange(3 * 16 * 16, dtype=torch.uint8).view(3, 16, 16)).numpy().tobytes()
    with (root / "labels.txt").open("w") as labels:
        for number in range(files):
            if number % LINKS == 0:
                original = root / f"{number}.jpg"
                original.write_bytes(jpeg)
            person = number * people // files
            name = f"{number:08d}.jpg" if flat else f"n{person:06d}/{number:08d}_01.jpg"
            path = root / "images" / name
            path.parent.mkdir(exist_ok=True)
            os.link(original, path)
            labels.write(f"{name} {person}\n")


def measure(root: Path, workers: int) -> dict[str, float]:
    """The numbers of one row, in this process."""
    from facerec.data import FaceDataModule, ListImages

    gc.collect()
    before = memory("self", "VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    start, cpu_start = time.perf_counter(), time.process_time()
    train = ListImages(str(root / "images"), str(root / "labels.txt"))
    data = FaceDataModule(train=train, image_size=(16, 16), num_workers=workers)
    # reads the list and sees that the files are there; up to 20,000 are decoded once too, which is not start-up
    assert data.train_dataset(data.identities) is not None
    loader = data.train_dataloader()
    seconds = {"seconds": time.perf_counter() - start, "cpu seconds": time.process_time() - cpu_start}
    peak = memory("self", "VmHWM") - before
    gc.collect()
    row = seconds | {"peak MB": peak, "kept MB": memory("self", "VmRSS") - before}
    batches = iter(loader)
    for _ in range(20):
        next(batches)
    own = [memory(worker.pid, "Private_Dirty", "Private_Clean") for worker in multiprocessing.active_children()]
    return row | {"worker MB": max(own)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[25_000, 500_000])
    parser.add_argument("--people", type=int, default=8_631)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--flat", action="store_true", help="all files in one folder")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.workers)))
        return
    print("| files | seconds | CPU seconds | peak MB | kept MB | worker MB |\n" + "|---" * 6 + "|", flush=True)
    for files in arguments.files:
        with tempfile.TemporaryDirectory() as folder:
            make_files(Path(folder), files, min(arguments.people, files), arguments.flat)
            command = [sys.executable, __file__, "--measure", folder, "--workers", str(arguments.workers)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        row = json.loads(output.splitlines()[-1])
        print(f"| {files:,} | " + " | ".join(f"{value:.1f}" for value in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
