"""Aligns a folder of images into another: resumable, several at a time, and nothing is left out silently.

The destination holds, beside the images under their old names:

- ``alignment.json``: how it was aligned, and the counts;
- ``landmarks.txt``: the five points of each face in the image before (not for a centre crop);
- ``unaligned.txt``: the images that are not there, and why.

Each file is written under a temporary name and renamed. An aligned file bears the time of the image it is from: an
image counts as made if the two times are equal, and the points noted are those that the way to align gives now. Points
are noted as they are found, in ``landmarks.txt.partial``.
"""

import io
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from facerec.align.aligner import NoFaceError
from facerec.align.record import RECORD_FILE, Alignment, read_record, record_text
from facerec.data.formats.folders import images_below
from facerec.data.formats.landmarks import COORDINATES, landmark_line, listable
from facerec.data.images import UnreadableImageError, read_image
from facerec.files import write_whole
from facerec.preparation.ways import NotListedError, Way

LANDMARKS_FILE = "landmarks.txt"
PARTIAL_FILE = "landmarks.txt.partial"
UNALIGNED_FILE = "unaligned.txt"
JPEG_QUALITY = 95
CLOCK_NS = 1000  # of times of files: not every file system keeps more

Problem = Literal["no face", "not listed", "unreadable", "unusable points", "unusable name"]


class Outcome(NamedTuple):
    """What became of one image.

    Attributes:
        name: of the image, relative to the folder.
        line: of the list of landmarks, or empty.
        faces: how many there were to choose from.
        problem: why there is no aligned image, or None.
        reason: the same in words.
    """

    name: str
    line: str = ""
    faces: int = 0
    problem: Problem | None = None
    reason: str = ""


class Summary(NamedTuple):
    """What became of a folder.

    Attributes:
        made: images aligned by this run.
        kept: images that were there already.
        several_faces: images made by this run of which one face of several was taken.
        problems: how many images are not there, for each reason.
        strays: images of the destination that none of the source belongs to, left where they are.
    """

    made: int
    kept: int
    several_faces: int
    problems: Counter[str]
    strays: list[str]


def align_folder(source: str | Path, destination: str | Path, way: Way, workers: int = 0) -> Summary:
    """Align every image of a folder and the folders in it.

    Args:
        source: folder of images. Hidden files and other files are passed over.
        destination: folder for the aligned images; new, empty, or from an earlier run with the same settings.
        way: how to align.
        workers: processes that work at a time; 0 works in this one.

    Raises:
        FileNotFoundError: if there is no source.
        ValueError: if the source holds no images, the destination is in it, or holds something else.
    """
    source, destination = Path(source), Path(destination)
    names = find_images(source)
    _check_destination(source, destination, way.alignment)
    write_whole(destination / RECORD_FILE, record_text(way.alignment, complete=False))
    lines = _noted_lines(destination)
    with_points = way.alignment.detector != "center_crop"
    usable = [name for name in names if listable(name)]
    todo = [
        name
        for name in usable
        if not (way.stands(name, lines.get(name, "")) and _is_made(source / name, destination / name))
    ]
    outcomes = [_unlistable(name) for name in names if not listable(name)]
    for outcome in _work(FolderWork(source, destination, todo, way), workers, destination):
        lines[outcome.name] = outcome.line
        outcomes.append(outcome._replace(line=""))
    strays = sorted(set(images_below(destination)) - set(names))
    summary = _summary(outcomes, len(usable) - len(todo), strays)
    failed = {outcome.name for outcome in outcomes if outcome.problem}
    _finish(
        destination, way.alignment, outcomes, [lines[name] for name in usable if with_points and name not in failed]
    )
    return summary


def find_images(source: Path) -> list[str]:
    """Names of the images in a folder and the folders in it, sorted, relative to it.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there are none.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"no folder {source}")
    names = images_below(source)
    if not names:
        raise ValueError(f"{source} holds no images, nor do the folders in it")
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


def _is_made(image: Path, aligned: Path) -> bool:
    """Whether the aligned file is from this image, as it is now, and from none that had its name before."""
    try:
        return aligned.stat().st_mtime_ns // CLOCK_NS == image.stat().st_mtime_ns // CLOCK_NS
    except OSError:
        return False


def _noted_lines(destination: Path) -> dict[str, str]:
    """Lines of landmarks by image, of earlier runs; a last line that a kill cut short is not one."""
    lines: dict[str, str] = {}
    for file in (LANDMARKS_FILE, PARTIAL_FILE):
        path = destination / file
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
                if line.count("\t") == COORDINATES:
                    lines[line.partition("\t")[0]] = line + "\n"
    return lines


class FolderWork(Dataset[Outcome]):
    """Reads, aligns and writes one image for each index: what runs in the processes."""

    def __init__(self, source: Path, destination: Path, names: list[str], way: Way) -> None:
        self.source, self.destination, self.names, self.way = source, destination, names, way

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Outcome:
        name = self.names[index]
        try:
            changed = (self.source / name).stat().st_mtime_ns
            aligned = self.way.align(name, read_image(self.source / name))
        except (UnreadableImageError, FileNotFoundError) as error:
            return self._failed(name, "unreadable", error)
        except NoFaceError as error:
            return self._failed(name, "no face", error)
        except NotListedError as error:
            return self._failed(name, "not listed", error)
        except ValueError as error:
            return self._failed(name, "unusable points", error)
        write_whole(self.destination / name, encode(aligned.image, name))
        os.utime(self.destination / name, ns=(changed, changed))
        line = "" if aligned.points is None else landmark_line(name, aligned.points.tolist())
        return Outcome(name, line, aligned.faces)

    def _failed(self, name: str, problem: Problem, error: Exception) -> Outcome:
        (self.destination / name).unlink(missing_ok=True)  # of an older image under this name
        return Outcome(name, problem=problem, reason=" ".join(str(error).split()))


def _work(work: FolderWork, workers: int, destination: Path) -> Iterable[Outcome]:
    """The outcomes in order, noted as they come."""
    if not len(work):
        return
    loader: DataLoader[Outcome] = DataLoader(
        work,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_one_thread,
        # A fork would inherit the threads of a detector that ran before, which are not there any more, and hang.
        multiprocessing_context="spawn" if workers else None,
    )
    partial = destination / PARTIAL_FILE
    noted = "".join(_noted_lines(destination).values())
    write_whole(partial, noted)
    with partial.open("a", encoding="utf-8", newline="\n") as journal:
        for outcome in tqdm(loader, desc="aligning", unit="image", total=len(work), delay=1):
            journal.write(outcome.line)
            journal.flush()
            yield outcome


def _one_thread(worker: int) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # of the detector, which is loaded after this: there is a process for each core


def encode(image_3HW: Tensor, name: str) -> bytes:
    """The bytes of an image file, in the format that its name asks for."""
    image = Image.fromarray(image_3HW.permute(1, 2, 0).contiguous().numpy())
    suffix = Path(name).suffix.lower()
    file_format = Image.registered_extensions()[suffix]
    buffer = io.BytesIO()
    if file_format == "JPEG":
        image.save(buffer, file_format, quality=JPEG_QUALITY, subsampling=0)
    elif file_format == "WEBP":
        image.save(buffer, file_format, quality=JPEG_QUALITY)
    else:
        image.convert("L" if suffix == ".pgm" else "RGB").save(buffer, file_format)
    return buffer.getvalue()


def _unlistable(name: str) -> Outcome:
    reason = (
        "a name with a tab, a line break, spaces at its ends or bytes that are not UTF-8 fits in no list: rename it"
    )
    return Outcome(name, problem="unusable name", reason=reason)


def _summary(outcomes: list[Outcome], kept: int, strays: list[str]) -> Summary:
    problems = Counter(str(outcome.problem) for outcome in outcomes if outcome.problem)
    made = len(outcomes) - sum(problems.values())
    return Summary(made, kept, sum(outcome.faces > 1 for outcome in outcomes), problems, strays)


def _finish(destination: Path, alignment: Alignment, outcomes: list[Outcome], lines: list[str]) -> None:
    """Write the lists, then the record that says that all is there."""
    if lines:
        write_whole(destination / LANDMARKS_FILE, "".join(lines))
    failed = [outcome for outcome in outcomes if outcome.problem]
    text = "".join(f"{_printable(outcome.name)}\t{outcome.problem}\t{outcome.reason}\n" for outcome in failed)
    if failed:
        write_whole(destination / UNALIGNED_FILE, text)
    else:
        (destination / UNALIGNED_FILE).unlink(missing_ok=True)
    counts = Counter(str(outcome.problem) for outcome in failed)
    write_whole(destination / RECORD_FILE, record_text(alignment, complete=True, unaligned=dict(counts)))
    (destination / PARTIAL_FILE).unlink(missing_ok=True)


def _printable(name: str) -> str:
    return name if listable(name) else ascii(name)
