"""Files of qualities of images: those that a test keeps (lengths of embeddings, and what a set comes with), and others.

Shapes: N images.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from facerec.files import written_whole
from facerec.reports.scored import NamedImages, ScoredSet

LENGTHS, QUALITIES = "_lengths.csv", "_qualities.csv"
HEADING = ["image", "quality"]
XQLFW_HEADING = ["ID", "Num", "Score"]


def write_lengths(path: Path, scored: ScoredSet, images: NamedImages) -> None:
    """Write ``image,quality``: the length of the embedding of each image, which :func:`read_qualities` reads.

    Args:
        path: of the file.
        scored: pairs with embeddings.
        images: source of the images, for their names.

    Raises:
        ValueError: without embeddings.
    """
    if scored.embeddings is None:
        raise ValueError(f"{path} needs embeddings: give ScoredSet embeddings (N, D)")
    lengths = scored.embeddings.norm(dim=1).tolist()
    _write(path, [images.name(scored.place(row)) for row in range(len(lengths))], lengths)


def keep_qualities(path: Path, scored: ScoredSet, images: NamedImages, file: str | None) -> list[str]:
    """Write ``image,quality`` of the images of a set that comes with qualities; of another, the file goes.

    Args:
        path: of the file.
        scored: pairs with embeddings.
        images: source of the images, for their names.
        file: qualities that the set comes with, see :func:`read_qualities`; None without any.

    Returns:
        Why they were not kept, if the file does not fit the images; else nothing.
    """
    path.unlink(missing_ok=True)  # of an earlier test
    if file is None or scored.embeddings is None:
        return []
    names = [images.name(scored.place(row)) for row in range(len(scored.embeddings))]
    try:
        qualities_N = matched(names, read_qualities(file), file)
    except ValueError as error:
        return [f"the qualities of the set were not kept: {error}"]
    _write(path, names, qualities_N.tolist())
    return []


def _write(path: Path, names: Sequence[str], qualities: Sequence[float]) -> None:
    with (
        written_whole(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(HEADING)
        writer.writerows([name, f"{quality:.9g}"] for name, quality in zip(names, qualities, strict=True))


def read_qualities(path: str | Path) -> dict[str, float]:
    r"""Quality of each image by its name, without its suffix.

    Args:
        path: of a CSV ``image,quality`` with that heading, or of a file of XQLFW's form: a heading ``ID Num Score``,
            then lines ``person number quality``. There the image is ``person/person_number``, with four digits.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming file and line: for another heading, a quality that is no finite number, or an image twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "xqlfw_scores.txt")
        ...     _ = file.write_text("ID Num Score\nAaron_Eckhart 1 0.75\n")
        ...     read_qualities(file)
        {'Aaron_Eckhart/Aaron_Eckhart_0001': 0.75}
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"--quality {path}: no such file. It is a CSV with the columns image,quality")
    text = Path(path).read_text(encoding="utf-8-sig", errors="surrogateescape")
    is_xqlfw = text.partition("\n")[0].split() == XQLFW_HEADING
    lines = text.splitlines() if is_xqlfw else []
    rows = [line.split() for line in lines] if is_xqlfw else list(csv.reader(text.splitlines()))
    if not is_xqlfw and (not rows or [cell.strip() for cell in rows[0]] != HEADING):
        raise ValueError(
            f"--quality {path} begins with {','.join(rows[0] if rows else [])!r:.60}: its first line must be "
            "image,quality, or ID Num Score as XQLFW has it"
        )
    found: dict[str, float] = {}
    for place, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        try:
            name, quality = _named(row) if is_xqlfw else (_without_suffix(row[0].strip()), float(row[1]))
        except (ValueError, IndexError) as error:
            raise ValueError(f"--quality {path} line {place}: {row!r:.80} is no image and its quality") from error
        if not np.isfinite(quality):
            raise ValueError(f"--quality {path} line {place}: the quality {row[-1]} is not finite")
        if name in found:
            raise ValueError(f"--quality {path} line {place}: {name} has a quality already: leave one out")
        found[name] = quality
    return found


def _named(row: Sequence[str]) -> tuple[str, float]:
    person, number, quality = row
    return f"{person}/{person}_{int(number):04d}", float(quality)


def _without_suffix(name: str) -> str:
    from facerec.data.images import has_image_suffix  # here, because facerec.data imports Lightning

    stem, dot, suffix = name.replace("\\", "/").rpartition(".")
    return stem if dot and has_image_suffix(f".{suffix.lower()}") else name.replace("\\", "/")


def matched(images: Sequence[str], qualities: Mapping[str, float], origin: object) -> NDArray[np.float64]:
    """The quality of each image (N,). Names agree from their ends, in as many folders as both have.

    Args:
        images: names of the images.
        qualities: see :func:`read_qualities`.
        origin: of the qualities, for the message.

    Raises:
        ValueError: if an image has none, or two that differ.

    Example:
        >>> matched(["ann/1.png"], {"faces/ann/1": 0.5, "faces/bob/1": 0.25}, "q.csv").tolist()
        [0.5]
    """
    names = [PurePosixPath(_without_suffix(name)).parts for name in images]
    known = {PurePosixPath(name).parts: quality for name, quality in qualities.items()}
    depth = min(max(map(len, names), default=0), max(map(len, known), default=0))
    by_end: dict[tuple[str, ...], set[float]] = {}
    for parts, quality in known.items():
        by_end.setdefault(parts[-depth:], set()).add(quality)
    found = [by_end.get(parts[-depth:], set()) for parts in names]
    missing = [name for name, one in zip(images, found, strict=True) if not one]
    if missing:
        raise ValueError(f"{origin} has no quality of {len(missing)} of {len(images)} images, of {missing[0]} for one")
    several = [name for name, one in zip(images, found, strict=True) if len(one) > 1]
    if several:
        raise ValueError(
            f"{origin} has several qualities that may be those of {several[0]}: name images with more of their folders"
        )
    return np.array([next(iter(one)) for one in found])
