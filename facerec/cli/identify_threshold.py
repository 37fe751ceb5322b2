"""``facerec identify --val_probes``: the threshold that is best on probes of validation people, and of strangers."""

import argparse
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facerec.cli.model_options import encode_with
from facerec.data.formats.folders import FolderImages
from facerec.data.sources import ImageSource
from facerec.inference.gallery import Gallery
from facerec.inference.images import NamedFiles
from facerec.inference.model import FaceModel, cosine_threshold
from facerec.metrics import SEED_GRID, ThresholdSweep, sweep_thresholds
from facerec.metrics.curve import Floats

MOST_STEPS = 1_000_000


def grid_of(options: argparse.Namespace) -> Floats:
    """The thresholds of ``--grid``; by default those of sphereface_pytorch's ``lfw_eval.py``.

    Raises:
        ValueError: if they are no grid of cosines.
    """
    if options.grid is None:
        return SEED_GRID
    low, high, step = options.grid
    if not (-1.0 <= low < high <= 1.0 and 0.0 < step <= high - low and (high - low) / step <= MOST_STEPS):
        raise ValueError(
            f"--grid {low:g} {high:g} {step:g}: give LOW HIGH STEP, cosines in [-1, 1], such as -1 1 0.005"
        )
    return np.arange(low, high, step)


def validation_probes(options: argparse.Namespace) -> ImageSource:
    """The images of ``--val_probes``, and who is on them."""
    path = options.val_probes
    return FolderImages(path) if Path(path).is_dir() else NamedFiles(path)


def chosen_threshold(
    options: argparse.Namespace, model: FaceModel, gallery: Gallery, source: ImageSource, probes: Sequence[str]
) -> tuple[float, list[str]]:
    """The best threshold of the grid on the validation probes, and what to print about it.

    Args:
        options: of the command.
        model: that embeds.
        gallery: that is searched.
        source: the validation probes.
        probes: files that the threshold is for. One that is a validation probe too warns.

    Raises:
        FileNotFoundError: if there is no such list or folder.
        ValueError: if no probe is of an enrolled person, or none of a stranger.
    """
    grid_T = grid_of(options)
    _warn_of_shared([source.name(index) for index in range(len(source))], probes)
    encoded = encode_with(options, model, source)
    people = np.array(source.identities)[source.labels[encoded.usable]]
    matches = gallery.search(encoded.embeddings[encoded.usable], options.match)
    scores_Q = np.array([match.score for match in matches])
    right_Q = np.array([match.name == person for match, person in zip(matches, people, strict=True)])
    enrolled_Q = np.isin(people, gallery.names)
    try:
        sweep = sweep_thresholds(scores_Q, right_Q, enrolled_Q, grid_T)
    except ValueError as error:
        raise ValueError(
            f"--val_probes {options.val_probes}: {error}. A stranger is somebody who is not in the gallery"
        ) from error
    lines = _told(sweep, len(scores_Q), int(enrolled_Q.sum()))
    own = cosine_threshold(model)
    if own is not None:
        accuracy = sweep_thresholds(scores_Q, right_Q, enrolled_Q, [own]).accuracy
        lines.append(f"# at the model's own threshold {own:.4f}: {accuracy:.2%} right")
    return sweep.threshold, lines


def _told(sweep: ThresholdSweep, probes: int, enrolled: int) -> list[str]:
    return [
        f"# threshold {sweep.threshold:.4f}, the best of {len(sweep.grid):,} on {probes:,} validation probes: "
        f"{sweep.accuracy:.2%} right",
        f"#   {sweep.named:.2%} of {enrolled:,} probes of enrolled people named correctly, {sweep.refused:.2%} of "
        f"{probes - enrolled:,} strangers refused",
        "#   these probes chose the threshold, so the shares are too high for others",
    ]


def _warn_of_shared(validation: Sequence[str], probes: Sequence[str]) -> None:
    shared = {os.path.realpath(name) for name in validation} & {os.path.realpath(name) for name in probes}
    if shared:
        warnings.warn(
            f"{len(shared):,} of the images are validation probes too, such as {sorted(shared)[0]}: the threshold was "
            "chosen on them, so the answers are better than on others",
            stacklevel=2,
        )
