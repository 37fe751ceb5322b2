"""Face detectors side by side: faces found, how far their points are apart, how steady they are, and their time.

    pip install -e ".[align]" && pip install --no-deps facenet-pytorch requests
    python benchmarks/detectors.py PHOTOS
    python benchmarks/detectors.py LFW/images --landmarks LFW/landmarks.txt

``PHOTOS`` is a folder of photographs with the folders in it. ``--landmarks`` names a list of lines ``image x1 y1 ... x5
y5``. Then each photograph counts with the one face that the list means, and its distance to those points is printed.
facenet-pytorch takes part where it is installed: it has the same networks as ``mtcnn`` in a cascade of its own.

Of each detector the table has

- faces: their number, and photographs without any;
- to the list: mean distance of the five points to those of the list, in % of the distance between the eyes;
- resized: the same to its own points in the photograph at 0.5, 0.8 and 1.5 times the size, brought back;
- mirrored: the same to its own points in the mirror image, brought back;
- ms: processor time of a photograph, with one thread, and its ratio to that of the first detector in the same run: the
  median over rounds in which the detectors take turns.

Below it is the mean distance of the points of each two detectors. A face that one of them does not find is in no mean.
"""

import argparse
import itertools
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from backbones import processor
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from facerec.align import make_detector
from facerec.align.detectors import is_installed
from facerec.data import read_image
from facerec.data.formats.folders import images_below
from facerec.data.formats.landmarks import read_landmarks
from facerec.transforms.preprocess import resize

SIZES = (0.5, 0.8, 1.5)
SAME_FACE = 0.5  # of the distance between the eyes: mean distance of the points of one face
Points = NDArray[np.float64]
Find = Callable[[Tensor], Points]


def detectors() -> dict[str, Find]:
    """What gives the points (N, 5, 2) of the faces in an image."""
    found: dict[str, Find] = {}
    for name in filter(is_installed, ("yunet", "mtcnn")):
        detector = make_detector(name)
        found[name] = lambda image, detector=detector: detector.detect(image).points.double().numpy()
    if find_spec("facenet_pytorch"):
        with warnings.catch_warnings(action="ignore"):
            from facenet_pytorch import MTCNN

        theirs = MTCNN(keep_all=True, device="cpu")

        def facenet(image_3HW: Tensor) -> Points:
            boxes, scores, points = theirs.detect(image_3HW.permute(1, 2, 0).contiguous().numpy(), landmarks=True)
            return np.empty((0, 5, 2)) if boxes is None else points.astype(float)[scores.astype(float) >= 0.9]

        found["facenet-pytorch"] = facenet
    return found


def distance(points_52: Points, faces_N52: Points) -> tuple[float, int]:
    """Mean distance to the nearest face, in distances between the eyes, and its index; not a number if none is near."""
    if not len(faces_N52):
        return float("nan"), -1
    eyes = np.linalg.norm(points_52[1] - points_52[0])
    distances_N = np.linalg.norm(faces_N52 - points_52, axis=2).mean(axis=1) / eyes
    nearest = int(distances_N.argmin())
    return (float(distances_N[nearest]), nearest) if distances_N[nearest] < SAME_FACE else (float("nan"), -1)


def resized(find: Find, image_3HW: Tensor, factor: float) -> Points:
    """Points found at another size, in pixels of the image."""
    height, width = image_3HW.shape[-2:]
    size = (round(height * factor), round(width * factor))
    return (find(resize(image_3HW[None], size)[0]) + 0.5) * [width / size[1], height / size[0]] - 0.5


def mirrored(find: Find, image_3HW: Tensor) -> Points:
    """Points found in the mirror image, in pixels of the image."""
    points_N52 = find(image_3HW.flip(-1))[:, [1, 0, 2, 4, 3]]
    return points_N52 * [-1, 1] + [image_3HW.shape[-1] - 1, 0]


def percent(distances: list[float]) -> str:
    """The mean of those that are numbers."""
    known = [value for value in distances if value == value]
    return f"{100 * statistics.mean(known):.1f}" if known else ""


def seconds(find: Find, images: list[Tensor]) -> float:
    """Processor time of an image."""
    start = time.process_time()
    for image in images:
        find(image)
    return (time.process_time() - start) / len(images)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--landmarks", help="list of points of the faces that are meant")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    listed = read_landmarks(arguments.landmarks, arguments.photos) if arguments.landmarks else None
    names = list(listed.names) if listed else images_below(arguments.photos)
    images = [read_image(arguments.photos / name) for name in names]
    finders = detectors()
    print(f"{processor()}; {len(images)} photographs\n")

    faces = {name: [find(image) for image in images] for name, find in finders.items()}
    if listed:
        for points in faces.values():
            kept = [distance(meant, found)[1] for meant, found in zip(listed.points, points, strict=True)]
            points[:] = [found[[index]] if index >= 0 else found[:0] for index, found in zip(kept, points, strict=True)]
    times = [{name: seconds(find, images) for name, find in finders.items()} for _ in range(arguments.rounds)]
    first = next(iter(finders))

    print("| detector | faces | photographs without | to the list, % | resized, % | mirrored, % | ms | ratio |")
    print("|---" * 8 + "|")
    for name, find in finders.items():
        scattered, turned = [], []
        for image, found in zip(tqdm(images, desc=name, delay=1), faces[name], strict=True):
            again = [resized(find, image, factor) for factor in SIZES]
            mirror = mirrored(find, image)
            scattered += [distance(points_52, others)[0] for points_52 in found for others in again]
            turned += [distance(points_52, mirror)[0] for points_52 in found]
        to_list = [distance(a, b)[0] for a, b in zip(listed.points, faces[name], strict=True)] if listed else []
        ratio = statistics.median(row[name] / row[first] for row in times)
        counts = [len(found) for found in faces[name]]
        cells = [sum(counts), counts.count(0), percent(to_list), percent(scattered), percent(turned)]
        cells += [f"{1000 * statistics.median(row[name] for row in times):.0f}", f"{ratio:.2f}"]
        print(f"| {name} | " + " | ".join(map(str, cells)) + " |")

    print("\n| points of | apart, % of the distance between the eyes |\n|---|---|")
    for one, other in itertools.combinations(finders, 2):
        apart = [
            distance(points_52, found)[0]
            for ours, found in zip(faces[one], faces[other], strict=True)
            for points_52 in ours
        ]
        print(f"| {one} and {other} | {percent(apart)} |")


if __name__ == "__main__":
    main()
