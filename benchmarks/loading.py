"""Images a second from disk to a normalised batch: what students write, ours from JPEG files, ours packed, the floors.

    python benchmarks/loading.py --data FOLDER
    python benchmarks/loading.py --data FOLDER --endure 200

``FOLDER`` holds a folder of JPEGs for each person; without it the ORL faces are enlarged to 112x112 and written as
JPEGs, ten copies of each, into a temporary folder. "students" is torchvision's ImageFolder with Pillow and transforms
sample by sample in the workers. The same augmentations are drawn image by image in all: ``flip`` is a mirror image,
``full`` adds rotation by 10 degrees, zoom and shift in one bilinear interpolation, brightness, contrast and saturation
by 0.2, grayscale and a blur at 5 %, and a rectangle at 10 %. The pack is made beforehand, and not timed; every file is
in the page cache.

torch computes with the cores that the workers leave, at least one. A round is an epoch of each, in turns, workers kept
alive; printed are medians over the rounds, their ratio to the students', and the processor time of an image, workers
included, which holds on a busy machine too. Floors are of one thread: decoding alone from bytes in memory, and copying
images of the pack into a batch.

``--endure N`` proves that loading ends: N rounds of two epochs, each with loaders and workers of its own, and a
watchdog that prints where every thread stands and exits with 1 if an epoch takes longer than ``--patience`` seconds.
"""

import argparse
import faulthandler
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from backbones import processor
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from tqdm import tqdm

from facerec.data import FaceDataModule, FolderImages, ImageSource, PackedImages
from facerec.data.formats.orl import find_orl
from facerec.data.images import decode_image
from facerec.preparation.packing import pack
from facerec.transforms import Augment, Preprocess

BATCH = 128
TARGETS = {("flip", "ours, JPEG"): 2.2, ("flip", "ours, packed"): 6.0, ("full", "ours, JPEG"): 2.0}
TARGETS[("full", "ours, packed")] = 2.5
COLOURS = {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2}
OURS = {
    "flip": Augment(),
    "full": Augment(rotation=10.0, scale=(0.9, 1.1), translate=0.05, grayscale=0.05, blur=0.05, erasing=0.1, **COLOURS),
}
BILINEAR = transforms.InterpolationMode.BILINEAR
NORMALISE = [transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
THEIRS = {
    "flip": [transforms.RandomHorizontalFlip(), *NORMALISE],
    "full": [
        transforms.RandomHorizontalFlip(),
        transforms.RandomAffine(10, (0.05, 0.05), (0.9, 1.1), interpolation=BILINEAR),
        transforms.ColorJitter(**COLOURS),
        transforms.RandomGrayscale(0.05),
        transforms.RandomApply([transforms.GaussianBlur(7, (0.3, 1.5))], 0.05),
        *NORMALISE,
        transforms.RandomErasing(0.1, (0.02, 0.2), (0.37, 2.72)),
    ],
}
Epoch = Callable[[], int]


def orl_folder(root: Path, copies: int = 10) -> Path:
    """The ORL faces as JPEGs of 112x112."""
    for source in sorted(find_orl().glob("s*/*.pgm")):
        face = Image.open(source).convert("RGB").resize((112, 112), Image.Resampling.BICUBIC)
        for copy in range(copies):
            target = root / source.parent.name / f"{source.stem}_{copy}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            face.save(target, quality=90)
    return root


def students(folder: Path, size: tuple[int, int], kind: str, workers: int) -> Epoch:
    """An epoch of ImageFolder with transforms sample by sample."""
    transform = transforms.Compose([transforms.Resize(size), *THEIRS[kind]])
    dataset = datasets.ImageFolder(str(folder), transform)
    loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    return lambda: sum(len(images) for images, _ in loader)


def ours(source: ImageSource, size: tuple[int, int], kind: str, workers: int) -> Epoch:
    """An epoch of the data module, with augmentation on the batch as in training."""
    data = FaceDataModule(
        train=source, batch_size=BATCH, num_workers=workers, augment=OURS[kind], image_size=size, unreadable="raise"
    )
    assert data.train_dataset(data.identities) is not None
    loader, preprocess = data.train_dataloader(), Preprocess(size)
    epochs = itertools.count()

    def epoch() -> int:
        number, images = next(epochs), 0
        loader.sampler.set_epoch(number)
        for batch in loader:
            images += len(preprocess(data.augment(batch.images, data.seed, number, batch.indices)))
        return images

    return epoch


def processor_seconds() -> float:
    """Processor time of this process and its living workers."""
    seconds = time.process_time()
    for worker in multiprocessing.active_children():
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # in user code, in the kernel
    return seconds


def rate(epoch: Epoch) -> tuple[float, float]:
    """Images a second, and microseconds of processor time for each."""
    start, busy = time.perf_counter(), processor_seconds()
    images = epoch()
    return images / (time.perf_counter() - start), 1e6 * (processor_seconds() - busy) / images


def floor_ways(folder: Path, packed: PackedImages, size: tuple[int, int]) -> dict[str, Epoch]:
    """What cannot be avoided, in this process."""
    files = [file.read_bytes() for file in itertools.islice(sorted(folder.glob("*/*.[jJ]*")), 2000)]
    order = np.random.default_rng(0).permutation(len(packed))

    def decode() -> int:
        return len([decode_image(file, "image") for file in files])

    def gather() -> int:
        return sum(len(packed.read_batch(order[start : start + BATCH], size)) for start in range(0, len(order), BATCH))

    return {"decode alone": decode, "gather alone": gather}


def compare(kind: str, workers: int, ways: dict[str, Epoch], rounds: int) -> None:
    """Print a row for each; a round before those that count warms up."""
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds + 1):
        # the order alternates, so that none always finds the caches that the same other left
        for name in names if number % 2 else names[::-1]:
            measured[name].append(rate(ways[name]))
    base: list[float] = []
    for name, values in measured.items():
        rates, costs = zip(*values[1:], strict=True)
        middle = [statistics.median(rates), statistics.median(costs)]
        base = base or middle
        ratios = [middle[0] / base[0], base[1] / middle[1]] if "students" in ways else []
        target = TARGETS.get((kind, name), "") if workers else ""
        cells = [kind, workers, name, f"{middle[0]:,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}"]
        cells += [f"{ratios[0]:.2f}" if ratios else "", target, f"{middle[1]:.0f}"]
        print("|", *(f"{cell} |" for cell in [*cells, f"{ratios[1]:.2f}" if ratios else ""]), flush=True)


def endure(sources: dict[str, ImageSource], size: tuple[int, int], workers: int, rounds: int, patience: float) -> None:
    """Start and end workers again and again."""
    start, images = time.perf_counter(), 0
    for number in tqdm(range(rounds), unit="round"):
        for source in sources.values():
            epoch = ours(source, size, "full" if number % 2 else "flip", workers)
            for _ in range(2):
                faulthandler.dump_traceback_later(patience, exit=True)
                images += epoch()
    faulthandler.cancel_dump_traceback_later()
    seconds = time.perf_counter() - start
    print(f"{rounds} rounds with {workers} workers, {images:,} images in {seconds:.0f} s: no epoch took {patience:g} s")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of JPEGs for each person; the ORL faces by default")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--augment", nargs="+", choices=OURS, default=list(OURS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--endure", type=int, metavar="N", help="only prove that N rounds end, with the last --workers")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for one epoch of --endure")
    arguments = parser.parse_args()
    cores = torch.get_num_threads()
    # glibc keeps what is freed once something as large has been, which in training the first step of a network sees to
    torch.empty(30 * 2**20, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.data or orl_folder(Path(temporary, "orl"))
        pack(FolderImages(str(folder)), os.path.join(temporary, "faces.pack"), str(folder), overwrite=True)
        sources = {
            "ours, JPEG": FolderImages(str(folder)),
            "ours, packed": PackedImages(os.path.join(temporary, "faces.pack")),
        }
        header = sources["ours, packed"].pack.header
        size = (header.height, header.width)
        print(
            f"{processor()}; {torch.get_num_threads()} threads, torch {torch.__version__}; {arguments.data or 'ORL'}: "
            f"{header.images:,} images {size[0]}x{size[1]}, batches of {BATCH}\n"
        )
        if arguments.endure:
            endure(sources, size, arguments.workers[-1], arguments.endure, arguments.patience)
            return
        print("| augmentation | workers | way | images/s | spread | ratio | target | CPU us/image | ratio of CPU |")
        print("|---" * 9 + "|", flush=True)
        for kind, workers in itertools.product(arguments.augment, arguments.workers):
            torch.set_num_threads(max(1, cores - workers))
            ways = {"students": students(folder, size, kind, workers)}
            ways |= {name: ours(source, size, kind, workers) for name, source in sources.items()}
            compare(kind, workers, ways, arguments.rounds)
        torch.set_num_threads(1)
        compare("floor", 0, floor_ways(folder, sources["ours, packed"], size), arguments.rounds)


if __name__ == "__main__":
    main()
