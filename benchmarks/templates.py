"""CPU time of 1:1 and 1:N on templates of IJB-C's size, after encoding, beside the scripts of the field.

    OMP_NUM_THREADS=1 python benchmarks/templates.py    # 469,375 images, 23,124 templates, 15,658,489 pairs
    OMP_NUM_THREADS=1 python benchmarks/templates.py --share 0.1 --peers --intervals

Embeddings of 512 numbers and the list of pairs are made at random, in the proportions of IJB-C. ``ours`` is what
``facerec test`` does: the list is read, images are pooled into templates, pairs are scored block by block, then EER,
AUC and TAR. Intervals by pair and by person (``--intervals``) and the search of two galleries stand apart. ``peers``
(``--peers``) is what the scripts of insightface do: a loop over templates and media, then 100,000 pairs at a time in
NumPy. ``floor`` of pooling is one sum of all embeddings; of scores, the same products of rows without gathering.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facerec.data.formats.ijb import _read_whole_numbers
from facerec.metrics import VerificationCurve, bootstrap, cosine_scores, pool_templates
from facerec.reports import identify

IMAGES, TEMPLATES, PEOPLE, PAIRS, GENUINE, WIDTH = 469_375, 23_124, 3_531, 15_658_489, 19_557, 512
FARS = (1e-1, 1e-2, 1e-3, 1e-4)


class Example(NamedTuple):
    """A set in the proportions of IJB-C: the first templates are the gallery, one for each person."""

    embeddings: Tensor
    owners: NDArray[np.int64]
    media: NDArray[np.int64]
    scores: NDArray[np.float64]
    subjects: NDArray[np.int64]
    pairs: NDArray[np.int64]


def example(share: float) -> Example:
    """Embeddings, memberships and pairs."""
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    images, templates, people, pairs = (int(share * count) for count in (IMAGES, TEMPLATES, PEOPLE, PAIRS))
    subjects = np.append(np.arange(people), random.integers(0, people, templates - people))
    owners = np.sort(np.append(np.arange(templates), random.integers(0, templates, images - templates)))
    embeddings = torch.randn(people, WIDTH)[torch.from_numpy(subjects[owners])] + 4.0 * torch.randn(images, WIDTH)
    genuine = random.integers(people, templates, int(share * GENUINE))
    rows = np.stack(
        [
            np.append(subjects[genuine], random.integers(0, people, pairs - len(genuine))),
            np.append(genuine, random.integers(people, templates, pairs - len(genuine))),
        ],
        axis=1,
    )
    media = np.arange(images) // 4  # about four frames of each video
    return Example(embeddings, owners, media, random.uniform(0.5, 1.0, images), subjects, rows)


def peers_pool(made: Example) -> NDArray[np.float32]:
    """A loop over templates, and over the media of each."""
    features = made.embeddings.numpy() * made.scores[:, None].astype(np.float32)
    templates = np.zeros((len(made.subjects), WIDTH), dtype=np.float32)
    for template in np.unique(made.owners):
        (places,) = np.where(made.owners == template)
        media, counts = np.unique(made.media[places], return_counts=True)
        parts = []
        for medium, count in zip(media, counts, strict=True):
            (same,) = np.where(made.media[places] == medium)
            rows = features[places][same]
            parts.append(rows if count == 1 else rows.mean(axis=0, keepdims=True))
        templates[template] = np.concatenate(parts).sum(axis=0)
    return np.asarray(templates / np.sqrt((templates**2).sum(axis=1, keepdims=True)))


def peers_scores(templates: NDArray[np.float32], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """100,000 pairs at a time."""
    scores = np.zeros(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), 100_000):
        part = pairs[start : start + 100_000]
        scores[start : start + 100_000] = np.sum(templates[part[:, 0]] * templates[part[:, 1]], -1)
    return scores


def floor_scores(templates: Tensor, pairs: int) -> Tensor:
    """As many products of rows, none of which is gathered."""
    rows = templates[:4096]
    total = torch.zeros(len(rows))
    for _ in range(-(-pairs // len(rows))):
        total += (rows * rows).sum(1)
    return total


def seconds(rounds: int, step: Callable[[], object]) -> tuple[float, object]:
    """Median CPU time, and what the step gives."""
    times, given = [], None
    for _ in range(rounds):
        start = time.process_time()
        given = step()
        times.append(time.process_time() - start)
    return median(times), given


def main() -> None:
    """Print a row for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="share of IJB-C's size")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of each step, whose median counts")
    parser.add_argument("--intervals", action="store_true", help="time the 100 resamples by pair and by person too")
    parser.add_argument("--peers", action="store_true", help="time the scripts of the field too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    made, rounds = example(options.share), options.rounds
    same = made.subjects[made.pairs[:, 0]] == made.subjects[made.pairs[:, 1]]
    print(f"{len(made.owners):,} images, {len(made.subjects):,} templates")
    print(f"{len(made.pairs):,} pairs, {same.sum():,} of them genuine")
    total = 0.0

    def row(name: str, step: Callable[[], object], *, counts: bool = False, runs: int = rounds) -> object:
        nonlocal total
        taken, given = seconds(runs, step)
        total += taken if counts else 0.0
        print(f"{name:<28}{taken:8.2f} s", flush=True)
        return given

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pairs.txt")
        with path.open("w") as file:
            for start in range(0, len(same), 1_000_000):
                part = slice(start, start + 1_000_000)
                rows = np.column_stack([made.pairs[part], same[part]])
                file.write("".join(f"{one} {other} {mark}\n" for one, other, mark in rows.tolist()))
        row("ours: list of pairs", lambda: _read_whole_numbers(str(path)), counts=True)
    images = np.arange(len(made.owners))
    pool = row(
        "ours: pooling",
        lambda: pool_templates(made.embeddings, images, made.owners, made.media, made.scores),
        counts=True,
    )
    assert isinstance(pool, Tensor)
    row("floor: one sum", lambda: made.embeddings.sum(0))
    scores = row("ours: scores", lambda: cosine_scores(pool, made.pairs), counts=True)
    assert isinstance(scores, np.ndarray)
    row("floor: products alone", lambda: floor_scores(F.normalize(pool), len(made.pairs)))

    def numbers() -> object:
        curve = VerificationCurve(scores, same)
        return curve.equal_error_rate(), curve.area_under_roc(), curve.tar_at_far(FARS)

    row("ours: EER, AUC, TAR", numbers, counts=True)
    print(f"{'ours: 1:1 together':<28}{total:8.2f} s")
    roles = np.where(np.arange(len(made.subjects)) < options.share * PEOPLE, made.subjects % 2, -1)
    row("ours: 1:N with intervals", lambda: identify(pool, made.subjects, galleries_N=roles)[0], runs=1)
    if options.peers:
        other = row("peers: pooling", lambda: peers_pool(made))
        assert isinstance(other, np.ndarray)
        theirs = row("peers: scores", lambda: peers_scores(other, made.pairs))
        print("largest change of a score:", float(np.abs(theirs - scores).max()))
    if options.intervals:
        people = made.subjects[made.pairs]
        row("ours: intervals by pair", lambda: bootstrap(scores, same, None, fars=FARS, resamples=100), runs=1)
        row("ours: intervals by person", lambda: bootstrap(scores, same, people, fars=FARS, resamples=100), runs=1)


if __name__ == "__main__":
    main()
