"""What lies in a folder of images and is not read: counted, and named by its kind with the way out."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from facerec.data.images import HEIF, MORE_SUFFIXES, has_image_suffix

CONVERT = "convert them to JPEG or PNG"
UNPACK = "unpack them"
NAME_THE_SET = "name the set by its own source, see facerec/data/README.md"
RENAME = "give images their suffix, such as .jpg"
ADVICE = {
    **dict.fromkeys(MORE_SUFFIXES, f"{CONVERT}, or update Pillow"),
    **{suffix: f"{CONVERT}, or pip install pillow-heif" for suffix, kind in MORE_SUFFIXES.items() if kind == HEIF},
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2", ".pef", ".srw"), CONVERT),
    **dict.fromkeys((".jxl", ".psd", ".xcf", ".svg", ".eps", ".tga", ".pcx", ".ico", ".exr", ".hdr", ".pfm"), CONVERT),
    **dict.fromkeys((".apng", ".dib", ".qoi", ".ras", ".sgi"), CONVERT),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), UNPACK),
    **dict.fromkeys((".rec", ".bin", ".pack"), NAME_THE_SET),
    **dict.fromkeys((".lmdb", ".mdb", ".h5", ".hdf5", ".tfrecord", ".parquet"), CONVERT),
}
# Their first bytes are not looked at: there may be one beside each image.
NO_IMAGES = frozenset(
    {
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".html", ".log", ".py", ".sh"),
        *(".npy", ".npz", ".pkl", ".mat", ".pts", ".pt", ".pth", ".ckpt", ".onnx", ".db", ".ini", ".lock", ".journal"),
        *(".pdf", ".doc", ".docx", ".mp4", ".mov", ".avi", ".wav", ".mp3", ".idx"),
    }
)
IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"\x00\x00\x00\x0cjP  ")
BOX_STARTS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif")

Unread = Mapping[str, int]
"""Number of files for each suffix; the empty one stands for files without a suffix."""


def unread_below(folders: Iterable[Path]) -> Counter[str]:
    """Count the files in folders and the folders below that look like images or sets, and are not read.

    Hidden files and folders are passed over, and so is a folder that cannot be read: reading its images will tell.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     for name in ("a.jpg", "b.psd", "c.psd", "labels.txt"):
        ...         Path(root, name).touch()
        ...     unread_below([Path(root)])
        Counter({'.psd': 2})
    """
    found: Counter[str] = Counter()
    seen: set[str] = set()
    waiting = [str(folder) for folder in folders]
    while waiting:
        folder = waiting.pop()
        place = os.path.realpath(folder)
        if place in seen:
            continue
        seen.add(place)
        try:
            with os.scandir(folder) as entries:
                shown = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError:
            continue
        for entry in shown:
            suffix = os.path.splitext(entry.name)[1].lower()
            if has_image_suffix(suffix):
                continue
            if entry.is_dir():
                waiting.append(entry.path)
            elif suffix in ADVICE or (suffix not in NO_IMAGES and _starts_like_an_image(entry.path)):
                found[suffix] += 1
    return found


def unread_lines(unread: Unread, where: object) -> list[str]:
    """A sentence for each kind of file that is not read.

    Args:
        unread: number of files for each suffix.
        where: the folder.

    Example:
        >>> unread_lines({".zip": 2, "": 1}, "faces")
        ['faces: 1 file without a suffix is not read: give images their suffix, such as .jpg', ...]
    """
    return [f"{where}: {_counted(suffix, count)}" for suffix, count in sorted(unread.items())]


def unread_in(*folders: Path) -> list[str]:
    """A sentence for each kind of file that is not read, folder by folder."""
    return [line for folder in folders for line in unread_lines(unread_below([folder]), folder)]


def unread_hint(folder: Path) -> str:
    """What to add to the message that a folder holds no images; empty if nothing in it looks like one."""
    return "".join(f". {_counted(suffix, count)}" for suffix, count in sorted(unread_below([folder]).items()))


def _counted(suffix: str, count: int) -> str:
    files = "file is" if count == 1 else "files are"
    kind = f"{suffix} {files}" if suffix else f"{files.split()[0]} without a suffix {files.split()[1]}"
    return f"{count:,} {kind} not read: {ADVICE.get(suffix, RENAME)}"


def _starts_like_an_image(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError:
        return False
    in_a_box = (start[:4], start[8:12]) == (b"RIFF", b"WEBP") or start[4:12] in BOX_STARTS
    return start.startswith(IMAGE_STARTS) or in_a_box
