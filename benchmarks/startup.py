"""Seconds and memory until the data module has half a million files, and what each worker then holds of its own.

    python benchmarks/startup.py
    python benchmarks/startup.py --files 5000 500000 --people 8631 --flat
    python benchmarks/startup.py --list_only
    python benchmarks/startup.py --list_only --images 50000000 --no_list

The files are hard links to a few small JPEGs, in a temporary folder, and listed in one ``labels.txt``: a folder for
each person, or all in one folder with ``--flat``. For each number of files a fresh process measures

- seconds, and seconds of processor time: ``FaceDataModule(...)`` with every file seen to be there, and its loader;
- peak MB: what that adds to the process after its imports, at the highest;
- kept MB: what of it stays;
- worker MB: memory that a worker shares with nobody after it has read 20 batches (its libraries' writable pages are
  in it: compare the rows).

Targets for 500,000: under 5 seconds and 300 MB, and workers that do not grow with the number of files.

With ``--list_only`` there are no files, only 10 million lines of 1 million people, and no file is looked for. The same
images are read from a list and from the index of a ``.rec``, without and with its cache. For each a fresh process
measures

- CPU seconds and peak MB until people and labels are there. MB are anonymous memory: pages of a mapped file, which the
  system takes back when it needs them, are left out;
- CPU seconds and peak MB of the order of an epoch, for one of 8 processes: a plain shuffle, and 64 people with 4 images
  in a batch. It is drawn to its end;
- MB that a spawned worker is sent for the dataset, and the peak MB that it then takes of its own.

Targets: under 10 seconds for an order of 10 million images, and under 2 GB for a start with 50 million.
"""

import argparse
import gc
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from fresh import in_fresh_process
from torchvision.io import encode_jpeg

LINKS = 50_000  # of one file; ext4 allows 65,000
BLOCK = 1_000_000  # records that are written at a time
MB = 1e6


def memory(process: int | str, *keys: str) -> float:
    """MB of a process, as Linux counts them: a sum of lines of its smaps_rollup, or of its status."""
    source = "status" if keys[0].startswith(("Vm", "Rss")) else "smaps_rollup"
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


class PeakMemory:
    """Most MB of anonymous memory that this process has taken since the last look, sampled every 5 ms."""

    def __init__(self) -> None:
        self._before = self._most = memory("self", "RssAnon")
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self._most = max(self._most, memory("self", "RssAnon"))
            time.sleep(0.005)

    def look(self) -> float:
        """The most since the last look, above what there was then."""
        gc.collect()
        most, self._before = self._most - self._before, memory("self", "RssAnon")
        self._most = self._before
        return most


def write_records(root: Path, images: int, people: int) -> None:
    """A ``.rec`` as insightface's, whose images are 8 bytes that nobody decodes."""
    from facerec.data.formats.image_records import encode_entry
    from facerec.data.formats.recordio import encode_record

    pattern = np.frombuffer(encode_record(encode_entry(0.0, 0, b"no image")), dtype="<u4")
    label, key = 3, 4  # words of a record: magic, flag and length, number of labels, label, key
    with (root / "train.rec").open("wb") as file, (root / "train.idx").open("w") as index:
        index.write("0\t0\n")
        file.write(encode_record(encode_entry([float(images + 1), float(images + 1 + people)], 0, b"")))
        for start in range(0, images, BLOCK):
            numbers = np.arange(start, min(start + BLOCK, images))
            offsets = file.tell() + pattern.nbytes * (numbers - start)
            index.writelines(f"{n + 1}\t{at}\n" for n, at in zip(numbers.tolist(), offsets.tolist(), strict=True))
            records = np.tile(pattern, (len(numbers), 1))
            records[:, label] = (numbers * people // images).astype("<f4").view("<u4")
            records[:, key] = numbers + 1
            file.write(records.tobytes())
        starts = [-(-person * images // people) + 1 for person in range(people + 1)]
        for person in range(people):
            index.write(f"{images + 1 + person}\t{file.tell()}\n")
            span = [float(starts[person]), float(starts[person + 1])]
            file.write(encode_record(encode_entry(span, images + 1 + person, b"")))


def of_worker(dataset: bytes) -> dict[str, float]:
    """What a spawned worker takes for a dataset that it was sent, to know 1,000 of its images."""
    peak = PeakMemory()
    source = pickle.loads(dataset).source
    places = np.linspace(0, len(source) - 1, 1_000).astype(int)
    assert (np.diff(source.labels[places]) >= 0).all()
    assert source.name(int(places[-1]))
    return {"worker, peak MB": peak.look()}


def measure_list(root: Path, kind: str) -> dict[str, float]:
    """The numbers of one row of ``--list_only``, in this process and a worker."""
    from facerec.data import ListImages, RecordImages
    from facerec.data.training_set import TrainingDataset

    is_list = kind == "list"
    source = ListImages(str(root), str(root / "labels.txt")) if is_list else RecordImages(str(root))
    peak, row = PeakMemory(), {}
    start = time.process_time()
    assert len(source.identities) > 1
    row |= {"CPU seconds": time.process_time() - start, "peak MB": peak.look()}
    dataset = TrainingDataset(source, (112, 112), np.arange(len(source)))
    for name, per_person in (("shuffle", None), ("people", 4)):
        peak.look()
        start = time.process_time()
        count = sum(1 for _ in dataset.order(256, per_person, replicas=8))
        assert count >= len(source) // 8
        row |= {f"{name}, CPU seconds": time.process_time() - start, f"{name}, peak MB": peak.look()}
    sent = pickle.dumps(dataset)
    return row | {"sent, MB": len(sent) / MB} | in_fresh_process(of_worker, sent)


def main_list(arguments: argparse.Namespace) -> None:
    """Print the table of ``--list_only``."""
    images, people = arguments.images, arguments.people_of_list
    kinds = ["rec, first start", "rec, next start"]
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.no_list:
            kinds.insert(0, "list")
            with Path(folder, "labels.txt").open("w") as labels:
                labels.writelines(
                    f"n{n * people // images:07d}/{n:08d}_01.jpg {n * people // images}\n" for n in range(images)
                )
        write_records(Path(folder), images, people)
        for number, kind in enumerate(kinds):
            command = [sys.executable, __file__, "--measure", folder, "--kind", kind]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            row = json.loads(output.splitlines()[-1])
            if number == 0:
                print(f"| source | {' | '.join(row)} |\n" + "|---" * (len(row) + 1) + "|", flush=True)
            print(f"| {kind} | " + " | ".join(f"{value:,.1f}" for value in row.values()) + " |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs="+", default=[25_000, 500_000])
    parser.add_argument("--people", type=int, default=8_631)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--flat", action="store_true", help="all files in one folder")
    parser.add_argument("--list_only", action="store_true", help="lists of images that are not there")
    parser.add_argument(
        "--no_list", action="store_true", help="the .rec alone with --list_only: a list takes 400 bytes a line"
    )
    parser.add_argument("--images", type=int, default=10_000_000, help="images of --list_only")
    parser.add_argument("--people_of_list", type=int, default=1_000_000, help="people of --list_only")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind:
        print(json.dumps(measure_list(arguments.measure, arguments.kind)))
        return
    if arguments.list_only:
        main_list(arguments)
        return
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
