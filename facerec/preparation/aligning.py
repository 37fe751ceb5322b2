"""Aligns a folder of images into another. It can be interrupted, and it leaves out no image silently.

Beside the images, under their old names, the destination holds:

- ``alignment.json``: how it was aligned, and the counts;
- ``landmarks.txt``: the five points of each face in the image before (not for a centre crop);
- ``unaligned.txt``: the images that are not there, and why;
- ``alignment.journal``: the points found so far, only while the work is going on.

Each file is written under a temporary name and renamed. An aligned file bears the time of the image it is made from. So
an image is made already if the two times are equal and its noted points are those that the way to align gives now.
"""

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from torch.utils.data import DataLoader
from tqdm import tqdm

from facerec.align.record import RECORD_FILE, UNALIGNED_FILE, Alignment, read_record, record_text
from facerec.data.formats.folders import images_below
from facerec.data.formats.landmarks import COORDINATES, listable
from facerec.data.unread import unread_hint, unread_in
from facerec.files import write_whole
from facerec.journal import Journal
from facerec.preparation.one_image import FolderWork, Outcome
from facerec.preparation.ways import Way, require_listed
from facerec.settings import require_within

LANDMARKS_FILE = "landmarks.txt"
JOURNAL_FILE = "alignment.journal"
CLOCK_NS = 1000  # of times of files: not every file system keeps more


class AlignedFolder(NamedTuple):
    """What became of a folder.

    Attributes:
        made: number of images aligned by this run.
        kept: number of images that were there already.
        several_faces: number of images, made by this run, with more than one face.
        problems: number of images that are not there, for each reason.
        strays: images of the destination that belong to none of the source. They are left in place.
        unread: a sentence for each kind of file of the source that looks like an image and is not read.

    Example:
        >>> done = AlignedFolder(98, 0, several_faces=3, problems=Counter({"no face": 2}), strays=[])
        >>> f"{done.made} aligned, {done.problems['no face']} without a face"
        '98 aligned, 2 without a face'
    """

    made: int
    kept: int
    several_faces: int
    problems: Counter[str]
    strays: list[str]
    unread: Sequence[str] = ()


def align_folder(source: str | Path, destination: str | Path, way: Way, workers: int = 0) -> AlignedFolder:
    """Align every image of a folder and the folders in it.

    Args:
        source: folder of images. Hidden files and other files are passed over.
        destination: folder for the aligned images; new, empty, or from an earlier run with the same settings.
        way: how to align: :class:`ByDetector`, :class:`ByLandmarks` or :class:`ByCentre`.
        workers: number of processes; 0 works in this one.

    Raises:
        FileNotFoundError: if there is no source.
        ValueError: if the source holds no images or none that the list of landmarks names, the destination is in it, or
            holds something else.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.preparation import ByCentre
        >>> with TemporaryDirectory() as folder:
        ...     Path(folder, "photos").mkdir()
        ...     Image.new("RGB", (20, 30)).save(Path(folder, "photos", "ada.png"))
        ...     done = align_folder(f"{folder}/photos", f"{folder}/faces", ByCentre("96x112"))
        ...     Image.open(f"{folder}/faces/ada.png").size, done.made
        ((96, 112), 1)
    """
    require_within("align_folder", 0, math.inf, workers=workers)
    source, destination = Path(source), Path(destination)
    names = _names_of_images(source)
    require_listed(names, way, source)
    _check_destination(source, destination, way.alignment)
    write_whole(destination / RECORD_FILE, record_text(way.alignment, complete=False))
    usable = [name for name in names if listable(name)]
    outcomes = [_unlistable(name) for name in names if not listable(name)]
    with Journal(destination / JOURNAL_FILE, repr(way.alignment)) as journal:
        lines = _noted_lines(destination, journal, way.alignment)
        todo = [
            name
            for name in usable
            if not (way.stands(name, lines.get(name, "")) and _is_made(source / name, destination / name))
        ]
        _forget(todo, lines, journal)
        for outcome in _work(FolderWork(source, destination, todo, way), workers):
            journal.add(outcome.name, outcome.line)
            lines[outcome.name] = outcome.line
            outcomes.append(outcome._replace(line=""))
        failed = {outcome.name for outcome in outcomes if outcome.problem}
        made_lines = [lines.get(name, "") for name in usable if name not in failed]
        _finish(destination, way.alignment, outcomes, made_lines)
        journal.remove()
    strays = sorted(set(images_below(destination)) - set(names))
    return _summary(outcomes, len(usable) - len(todo), strays)._replace(unread=unread_in(source))


def _names_of_images(source: Path) -> list[str]:
    """Names of the images in a folder and the folders in it, sorted, relative to it.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there are none.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"no folder {source}")
    names = images_below(source)
    if not names:
        raise ValueError(f"{source} holds no images, nor do the folders in it{unread_hint(source)}")
    return names


def _check_destination(source: Path, destination: Path, alignment: Alignment) -> None:
    if destination.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{destination} is in {source}: its images would be aligned again; give a folder elsewhere")
    if not destination.exists():
        return
    before = read_record(destination)
    if before is None and any(destination.iterdir()):
        raise ValueError(f"{destination} holds files that are not of `facerec align`: give a new or an empty folder")
    if before is not None and before != alignment:
        raise ValueError(
            f"{destination} was begun with other settings: {_differences(before, alignment)}; give another folder"
        )


def _differences(before: Alignment, now: Alignment) -> str:
    pairs = ((name, value, now.as_dict()[name]) for name, value in before.as_dict().items())
    return ", ".join(f"{name}={old!r} before, {new!r} now" for name, old, new in pairs if old != new)


def _noted_lines(destination: Path, journal: Journal, alignment: Alignment) -> dict[str, str]:
    """Line of landmarks of each image: of the list that an earlier run finished, and of the journal since then."""
    if alignment.detector == "center_crop":
        return {}
    path = destination / LANDMARKS_FILE
    rows = path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1] if path.is_file() else []
    listed = {row.partition("\t")[0]: row + "\n" for row in rows if row.count("\t") == COORDINATES}
    return listed | dict(journal.entries)


def _forget(names: list[str], lines: dict[str, str], journal: Journal) -> None:
    """Forget the old points of images that are to be made again.

    A kill may leave the new image and not its points; with the old ones it would count as made.
    """
    for name in names:
        if lines.pop(name, ""):
            journal.add(name, "")


def _is_made(image: Path, aligned: Path) -> bool:
    """Whether the aligned file is from this image, as it is now, and from none that had its name before."""
    try:
        return aligned.stat().st_mtime_ns // CLOCK_NS == image.stat().st_mtime_ns // CLOCK_NS
    except OSError:
        return False


def _work(work: FolderWork, workers: int) -> Iterable[Outcome]:
    """The outcomes in order, with a progress bar."""
    if not len(work):
        return []
    loader: DataLoader[Outcome] = DataLoader(
        work,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_one_thread,
        # A fork would inherit the threads of a detector that ran before, which are not there any more, and hang.
        multiprocessing_context="spawn" if workers else None,
    )
    return tqdm(loader, desc="aligning", unit="image", total=len(work), delay=1)


def _one_thread(worker: int) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # of the detector, which is loaded after this: there is a process for each core


def _unlistable(name: str) -> Outcome:
    reason = (
        "a name with a tab, a line break, spaces at its ends or bytes that are not UTF-8 fits in no list: rename it"
    )
    return Outcome(name, problem="unusable name", reason=reason)


def _summary(outcomes: list[Outcome], kept: int, strays: list[str]) -> AlignedFolder:
    problems = Counter(str(outcome.problem) for outcome in outcomes if outcome.problem)
    made = len(outcomes) - sum(problems.values())
    return AlignedFolder(made, kept, sum(outcome.faces > 1 for outcome in outcomes), problems, strays)


def _finish(destination: Path, alignment: Alignment, outcomes: list[Outcome], lines: list[str]) -> None:
    """Write the lists, then the record that says that all is there."""
    if any(lines):
        write_whole(destination / LANDMARKS_FILE, "".join(lines))
    failed = [outcome for outcome in outcomes if outcome.problem]
    text = "".join(f"{_printable(outcome.name)}\t{outcome.problem}\t{outcome.reason}\n" for outcome in failed)
    if failed:
        write_whole(destination / UNALIGNED_FILE, text)
    else:
        (destination / UNALIGNED_FILE).unlink(missing_ok=True)
    counts = Counter(str(outcome.problem) for outcome in failed)
    write_whole(destination / RECORD_FILE, record_text(alignment, complete=True, unaligned=dict(counts)))


def _printable(name: str) -> str:
    return name if listable(name) else ascii(name)
