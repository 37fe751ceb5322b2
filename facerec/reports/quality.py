"""Error against discard of a set of pairs: by the length of embeddings, or by qualities from a file.

Networks give long embeddings to images that they know well, so the length serves as a quality that costs nothing
(Meng et al., "MagFace", CVPR 2021, trains for it).

Shapes: P pairs, G genuine pairs, N images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import DiscardCurve, discard_curve, ideal_discard_curve, partial_area, tar_at_far
from facerec.metrics.discard import MOST_DISCARDED
from facerec.reports.kept_scores import KeptScores, MeasuredRun
from facerec.reports.qualities import LENGTHS, QUALITIES, matched, read_qualities

FMR = 0.01


@dataclass(frozen=True)
class Discard:
    """How one quality sorts the pairs of one set.

    Attributes:
        quality: what it is called.
        fmr: share of impostor pairs accepted, before any is discarded, at most.
        threshold: score that it fixes.
        genuine: number of genuine pairs.
        curve: what discarding gives.
        ideal: what the best quality would give.
        area: under the curve, up to 20 % of the pairs discarded.
        ideal_area: under that of the best quality, alike.

    Example:
        >>> scores, same = np.array([0.9, 0.2] + [0.3] * 20), np.array([True] * 2 + [False] * 20)
        >>> pairs = np.array([[0, 1], [2, 3]] + [[0, 2]] * 20)
        >>> found = error_against_discard(scores, same, pairs, np.array([9.0, 8.0, 7.0, 1.0]), fmr=0.5)
        >>> found.genuine, found.curve.fnmr.tolist()  # the pair with the worst image was the one rejected
        (2, [0.5, 0.0])
    """

    quality: str
    fmr: float
    threshold: float
    genuine: int
    curve: DiscardCurve
    ideal: DiscardCurve
    area: float
    ideal_area: float


def error_against_discard(
    scores: NDArray[np.floating],
    same: NDArray[np.bool_],
    pairs: NDArray[np.int64],
    qualities: NDArray[np.float64],
    name: str = "quality",
    fmr: float = FMR,
) -> Discard:
    """The false non-match rate at a fixed false match rate as images of low quality are discarded.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        pairs: rows of the two images of each pair (P, 2).
        qualities: of each image (N,), higher is better.
        name: of the quality.
        fmr: share of impostor pairs that may be accepted. It fixes the threshold on all pairs.

    Raises:
        ValueError: if the impostor pairs do not support the FMR, or no genuine pair is rejected there.

    Example:
        >>> scores, same = np.array([0.9, 0.8, 0.2] + [0.3] * 20), np.array([True] * 3 + [False] * 20)
        >>> pairs = np.array([[0, 1], [1, 2], [2, 3]] + [[0, 2]] * 20)
        >>> found = error_against_discard(scores, same, pairs, np.array([9.0, 8.0, 7.0, 1.0]), fmr=0.5)
        >>> found.curve.fnmr.round(2).tolist(), round(found.area, 4), round(found.ideal_area, 4)
        ([0.33, 0.0, 0.0], 0.0667, 0.0667)
    """
    [point] = tar_at_far(scores, same, [fmr])
    impostor = int(np.count_nonzero(~same))
    if not point.supported:
        raise ValueError(
            f"--fmr {fmr:g}: {impostor} impostor pairs cannot support this rate. From {10 / impostor:.2g} they can"
        )
    wrong_G = scores[same].astype(np.float64) < point.threshold
    if not wrong_G.any():
        raise ValueError(
            f"--fmr {fmr:g}: no genuine pair is rejected at that threshold ({point.threshold:.4f}), so discarding "
            f"improves nothing. Give a lower FMR, from {10 / impostor:.2g}"
        )
    curve = discard_curve(wrong_G, qualities[pairs[same]].min(axis=1), qualities)
    ideal = ideal_discard_curve(wrong_G)
    areas = (partial_area(one.pairs, one.fnmr, MOST_DISCARDED) for one in (curve, ideal))
    return Discard(name, fmr, point.threshold, len(wrong_G), curve, ideal, *areas)


def discard_of(run: MeasuredRun, name: str, file: str | None = None, fmr: float = FMR) -> Discard:
    """Error against discard of a tested run and one of its sets of pairs.

    Args:
        run: what was measured.
        name: of the set.
        file: qualities of the images, see :func:`read_qualities`; by default the lengths of their embeddings.
        fmr: share of impostor pairs that may be accepted.

    Raises:
        FileNotFoundError: if scores or lengths were not kept, naming the command that writes them.
        ValueError: if an image has no quality, or see :func:`error_against_discard`.
    """
    kept = run.scores(name)
    path = Path(file) if file is not None else run.folder / f"{name}{LENGTHS}"
    if file is None and not path.is_file():
        raise FileNotFoundError(f"no lengths of embeddings {path}: `facerec test --ckpt_path {run.name}` writes them")
    images, rows_P2 = _rows(kept)
    qualities_N = matched(images, read_qualities(path), path)
    quality = "length of embeddings" if file is None else path.name
    return error_against_discard(kept.scores, kept.same, rows_P2, qualities_N, quality, fmr)


def qualities_kept(run: MeasuredRun, name: str) -> list[str]:
    """The file of qualities that a set of pairs came with, if a test kept it.

    Args:
        run: what was measured.
        name: of the set.
    """
    path = run.folder / f"{name}{QUALITIES}"
    return [str(path)] if path.is_file() else []


def _rows(kept: KeptScores) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the images (N), and their rows for each pair (P, 2)."""
    rows: dict[str, int] = {}
    pairs = [[rows.setdefault(name, len(rows)) for name in pair] for pair in kept.images]
    return list(rows), np.array(pairs, dtype=np.int64)
