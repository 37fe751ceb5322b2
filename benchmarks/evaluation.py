"""Encoding for verification: facerec against the way of the usual scripts, and against the forward passes alone.

    python benchmarks/evaluation.py --data DIR
    python benchmarks/evaluation.py --data DIR --ckpt_path runs/NAME

6,000 pairs are drawn with a seed over as many unique images as LFW's View 2 has for that many pairs (7,701); without
--data, from the ORL faces, of which there are only 400. Fewer pairs (--pairs) keep the proportion. Compared are

- ``peers``: what insightface's and sphereface's scripts do: both sides of every pair are encoded, image and mirror
  image, in float32, contiguous, with the network as it was trained;
- ``peers, channels_last``: the same with channels innermost, for who would change their scripts by a line;
- ``ours float32``, ``ours bfloat16``: `facerec.inference.encode`: each unique image once, image and mirror image,
  folded network, 3x3 convolutions by Winograd, batches of one shape, decoding in other threads;
- ``onnxruntime float32``: the same with the network exported to ONNX: the bar for float32.

All start from the files and end with the cosines. In every round each runs once, in alternating order; a ratio is the
peers' best time over that one's. ``of passes`` is the time over that of the network's forward passes alone, on batches
that lie ready: 1 would be no time for anything else. ``cosine change`` is the largest, and the mean, over all pairs.

Without --ckpt_path the network is untrained, with the statistics of its normalisation taken from the images: good for
times; the cosine change of a trained network differs.
"""

import argparse
import copy
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from facerec.backbones.catalogue import CATALOGUE
from facerec.data.formats.folders import images_below
from facerec.data.formats.orl import find_orl
from facerec.inference.embedder import Embedder, shallow_copy
from facerec.inference.encoding import BATCH_SIZE, encode
from facerec.inference.export import export
from facerec.inference.images import ImageFiles
from facerec.inference.model import FaceModel
from facerec.inference.onnx_model import OnnxModel
from facerec.losses import Softmax
from facerec.metrics.scores import cosine_scores
from facerec.recognizer import FaceRecognizer
from facerec.run_folders import find_checkpoint
from facerec.transforms.preprocess import resize

UNIQUE_PER_PAIR = 7701 / 6000  # LFW View 2
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
Way = Callable[[], NDArray[np.float32]]
Clock = Callable[[], float]


def draw_pairs(images: int, pairs: int, seed: int) -> NDArray[np.int64]:
    """Pairs (P, 2) in which every one of the images is at least once."""
    generator = np.random.default_rng(seed)
    sides = np.concatenate([np.arange(images), generator.integers(images, size=2 * pairs - images)])
    return generator.permutation(sides).reshape(pairs, 2)


def network_for(arguments: argparse.Namespace, source: ImageFiles) -> FaceRecognizer:
    """The checkpoint's, or an untrained one with statistics of the images."""
    if arguments.ckpt_path:
        path = find_checkpoint(arguments.ckpt_path)
        return FaceRecognizer.load_from_checkpoint(path, map_location="cpu", weights_only=True).eval()
    torch.manual_seed(arguments.seed)
    size = (arguments.image_size, arguments.image_size)
    backbone = CATALOGUE[arguments.network](embedding_dim=512)
    backbone.build(size)
    for module in backbone.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.momentum = None  # a plain mean over the batches
            nn.init.ones_(module.weight)  # blocks that start as identities would hide their rounding
    recognizer = FaceRecognizer(backbone, Softmax(), torch.optim.SGD, 2, image_size=size, flip_test=True)
    chosen = np.linspace(0, len(source) - 1, min(64, len(source))).astype(int)
    with torch.no_grad():
        for part in np.array_split(chosen, max(1, len(chosen) // 32)):
            recognizer(torch.stack([resize(source.read(index)[None], size)[0] for index in part]))
    return recognizer.eval()


def peers_way(
    recognizer: FaceRecognizer,
    source: ImageFiles,
    pairs_P2: NDArray[np.int64],
    batch_size: int,
    memory_format: torch.memory_format,
) -> Way:
    """Both sides of every pair, one after the other, in float32."""
    recognizer = shallow_copy(recognizer)
    recognizer.backbone = copy.deepcopy(recognizer.backbone).to(memory_format=memory_format)
    recognizer.memory_format = memory_format

    @torch.no_grad()
    def run() -> NDArray[np.float32]:
        order = pairs_P2.reshape(-1)
        sides = []
        for start in tqdm(range(0, len(order), batch_size), desc="peers", delay=1, leave=False):
            part = order[start : start + batch_size]
            pixels = torch.stack([resize(source.read(index)[None], recognizer.preprocess.size)[0] for index in part])
            sides.append(recognizer.embed(pixels))
        embeddings_ND = torch.cat(sides)
        return cosine_scores(embeddings_ND, np.arange(len(order)).reshape(-1, 2))

    return run


def our_way(model: FaceModel, source: ImageFiles, pairs_P2: NDArray[np.int64]) -> Way:
    """What every command of ours does."""
    return lambda: cosine_scores(encode(model, source).embeddings, pairs_P2)


def passes_alone(embedder: Embedder, count: int, batch_size: int, clock: Clock) -> Callable[[], float]:
    """Seconds of the network alone for ``count`` images in their views, on a batch that lies ready."""
    recognizer = embedder.recognizer
    pixels = torch.randint(0, 256, (min(batch_size, count), 3, *embedder.image_size), dtype=torch.uint8)
    ready = recognizer.preprocess(pixels).contiguous(memory_format=recognizer.memory_format)
    batches = -(-count // len(pixels)) * (2 if recognizer.flip_test else 1)

    @torch.inference_mode()
    def run() -> float:
        start = clock()
        for _ in range(batches):
            recognizer.backbone(ready)
        return clock() - start

    return run


def timed(way: Way, clock: Clock) -> tuple[float, NDArray[np.float32]]:
    """Seconds and scores."""
    start = clock()
    scores = way()
    return clock() - start, scores


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="DIR", help="folder of images, in folders or not")
    parser.add_argument("--pairs", type=int, default=6000)
    parser.add_argument("--network", default="resnet34", choices=CATALOGUE, help="%(default)s")
    parser.add_argument("--ckpt_path", help="a trained network in place of it")
    parser.add_argument("--image_size", type=int, default=112)
    parser.add_argument("--batch_size", type=int, default=64, help="of the peers (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="threads of torch; its own choice by default")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one thread on a busy machine")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    warnings.filterwarnings("ignore", message="Attribute '.*' is an instance of `nn.Module`")
    folder = Path(arguments.data) if arguments.data else find_orl()
    names = images_below(folder)
    unique = round(arguments.pairs * UNIQUE_PER_PAIR)
    if unique > len(names):
        raise SystemExit(f"{folder} has {len(names)} images, {unique} are needed: give --data, or fewer --pairs")
    chosen = np.sort(np.random.default_rng(arguments.seed).permutation(len(names))[:unique])
    source = ImageFiles([names[index] for index in chosen], folder)
    pairs_P2 = draw_pairs(unique, arguments.pairs, arguments.seed)
    recognizer = network_for(arguments, source)
    models: dict[str, FaceModel] = {f"ours {name}": Embedder(recognizer, name) for name in ("float32", "bfloat16")}
    with tempfile.TemporaryDirectory() as temporary:
        export(Embedder(recognizer), Path(temporary, "model.onnx"))
        models["onnxruntime float32"] = OnnxModel(Path(temporary, "model.onnx"))
    ways = {
        "peers": peers_way(recognizer, source, pairs_P2, arguments.batch_size, torch.contiguous_format),
        "peers, channels_last": peers_way(recognizer, source, pairs_P2, arguments.batch_size, torch.channels_last),
    }
    ways |= {name: our_way(model, source, pairs_P2) for name, model in models.items()}
    floors = {
        name: passes_alone(model, unique, BATCH_SIZE, CLOCKS[arguments.clock])
        for name, model in models.items()
        if isinstance(model, Embedder)
    }
    print(
        f"{arguments.pairs} pairs over {unique} images of {folder if arguments.data else 'the ORL faces'}; "
        f"{arguments.ckpt_path or arguments.network + ', untrained'}, {source_size(recognizer)}, "
        f"{'image and mirror image' if recognizer.flip_test else 'one view'}; peers in batches of "
        f"{arguments.batch_size}, ours of {BATCH_SIZE}, {torch.get_num_threads()} threads, "
        f"{arguments.clock} time, torch {torch.__version__}, {arguments.rounds} rounds\n"
    )
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    alone: dict[str, list[float]] = {name: [] for name in floors}
    scores: dict[str, NDArray[np.float32]] = {}
    for model in models.values():  # warm up: buffers, and the code that libraries generate
        model(torch.zeros(min(BATCH_SIZE, unique), 3, *model.image_size, dtype=torch.uint8))
    for number in range(arguments.rounds):
        for name in list(ways) if number % 2 else list(ways)[::-1]:
            taken, scores[name] = timed(ways[name], CLOCKS[arguments.clock])
            seconds[name].append(taken)
            if name in floors:
                alone[name].append(floors[name]())
    print("| way | seconds | over peers | of passes | cosine change, largest | mean |")
    print("|---|---|---|---|---|---|")
    best = {name: min(times) for name, times in seconds.items()}
    for name in ways:
        change = np.abs(scores[name] - scores["peers"])
        passes = f"{best[name] / min(alone[name]):.2f}" if name in alone else ""
        print(
            f"| {name} | {best[name]:.1f} | {best['peers'] / best[name]:.2f} | {passes} | "
            f"{change.max():.1e} | {change.mean():.1e} |"
        )


def source_size(recognizer: FaceRecognizer) -> str:
    """Height and width of its images as text."""
    height, width = recognizer.preprocess.size
    return f"{height}x{width}"


if __name__ == "__main__":
    main()
