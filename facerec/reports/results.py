"""Files of an evaluation beside ``metrics.json``: the score of every pair, and the figures."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facerec.files import expanded, written_whole
from facerec.plain_text import read_yaml
from facerec.reports.scored import Named, ScoredSet, UnlabelledPairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONFIG = "config.yaml"
MOST_ROWS = 2_000_000  # of a score file: about 200 MB


def results_folder(run: Path, stage: str, root: str | None = None) -> Path:
    """Folder of a run that an evaluation is kept in: ``<stage>/``, or ``<stage>_<name of the root>/`` for other data.

    So what the run gave on its own data stays.

    Args:
        run: folder of the run.
        stage: ``val`` or ``test``.
        root: of the data that was measured.

    Example:
        >>> results_folder(Path("runs/orl/version_0"), "test").as_posix()
        'runs/orl/version_0/test'
    """
    is_own = root is None or _root_of(run) in (None, os.path.abspath(root))
    return run / (stage if is_own else f"{stage}_{Path(os.path.abspath(str(root))).name}")


def _root_of(run: Path) -> str | None:
    """The root of a run's data, by its configuration; empty where it names none, None without a configuration."""
    config = run / CONFIG
    if not config.is_file():
        return None
    settings = read_yaml(config.read_text(encoding="utf-8"), config) or {}
    root = (settings.get("data") or {}).get("root")
    return os.path.abspath(expanded(root)) if root else ""


def write_scores(path: Path, scored: ScoredSet | UnlabelledPairs, images: Named) -> bool:
    """Write ``image_1,image_2,score,same`` of each pair in the order of the list, unless there are too many.

    A template stands under its own name. ``same`` is empty where it is unknown. Where people are known,
    ``person_1,person_2`` number them.

    Returns:
        Whether it was written.

    Raises:
        ValueError: if nothing says which images the pairs are of.
    """
    if scored.pairs is None:
        raise ValueError(f"{path} needs the images of the pairs: give ScoredSet pairs, their rows (P, 2)")
    if len(scored.scores) > MOST_ROWS:
        return False
    labels = [""] * len(scored.scores) if scored.same is None else [str(int(same)) for same in scored.same]
    people = None if isinstance(scored, UnlabelledPairs) or scored.people is None else scored.people.tolist()
    heading = ["image_1", "image_2", "score", "same"]
    rows, given = np.unique(scored.pairs).tolist(), None if isinstance(scored, UnlabelledPairs) else scored.names
    names = {row: images.name(scored.place(row)) if given is None else given[row] for row in rows}
    with (
        written_whole(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(heading if people is None else [*heading, "person_1", "person_2"])
        for place, ((first, second), score, same) in enumerate(zip(scored.pairs, scored.scores, labels, strict=True)):
            who = [] if people is None else people[place]
            writer.writerow([names[first], names[second], f"{score:.9g}", same, *who])  # 9 digits: a float32 exactly
    return True


def write_figure(path: Path, figure: Figure, dpi: float | None = None) -> None:
    """Write a PNG or an SVG, as the suffix of the path says. The same figure gives the same bytes.

    Args:
        path: of the file. An older one is replaced at once, or stays whole.
        figure: to write.
        dpi: pixels in an inch of a PNG; by default those of the figure.
    """
    from matplotlib import rc_context

    metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
    with written_whole(path) as unfinished, rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(unfinished, dpi=dpi or "figure", metadata=metadata)
