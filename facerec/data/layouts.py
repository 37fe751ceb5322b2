"""Which sources a user's root folder gives to which role, found by what is on disk.

There are four layouts. Each may also hold ``val_pairs.txt`` and ``test_pairs.txt``:

- ``folders``: ``train/<person>/<image>`` and ``dev/<person>/<image>``; pairs relative to ``ver_data/``. The course's
  VGGFace2.
- ``hw2p2``: ``[cls_data/]train/images/`` with ``train/labels.txt``, and ``dev`` likewise; pairs relative to
  ``ver_data/``. ``test`` has a ``labels.txt`` in some terms (S25) and none in others (S26).
- ``lists``: one ``images/`` with ``train.txt`` and ``dev.txt``; pairs relative to ``images/``.
- ``split``: what ``facerec split`` writes. ``split.json`` names a folder of people anywhere; ``train.txt`` and
  ``dev.txt`` list ``<person>/<image>`` of it, and pairs are relative to it.

An archive often unpacks into one more folder, whose name changes each term. If a root holds no data itself and exactly
one of its folders does, the root stands for that folder.
"""

import shlex
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from facerec.data.formats.folders import FolderImages, UnlabelledImages, people_folders
from facerec.data.formats.lists import ListImages, ListPairs
from facerec.data.formats.split_record import SPLIT_FILE, images_of_split, read_split
from facerec.data.sources import Images, ImageSource, PairSource
from facerec.files import expanded
from facerec.settings import require_choice

Layout = Literal["folders", "hw2p2", "lists", "split"]
PAIR_FILES = ("val_pairs.txt", "test_pairs.txt")
PAIR_FOLDERS = ("ver_data", "images", ".")
EXPECTED = (
    "expected train/<person>/<image> (folders), [cls_data/]train/labels.txt beside train/images/ (hw2p2), "
    f"images/ with train.txt (lists), or {SPLIT_FILE} of `facerec split`; pairs only, val_pairs.txt or "
    "test_pairs.txt, are enough to evaluate"
)


class Sources(NamedTuple):
    """The sources of each role; None or empty for a role without one.

    Attributes:
        train: labelled images to train on.
        dev: other images of the same people.
        val_pairs: named sets of pairs of validation people.
        test_pairs: named sets of pairs of test people.
        test: other images of the training people to classify; an ``ImageSource`` if a list names their people.
    """

    train: ImageSource | None
    dev: ImageSource | None
    val_pairs: dict[str, PairSource]
    test_pairs: dict[str, PairSource]
    test: Images | None = None


def find_base(root: Path) -> Path:
    """The folder that holds the data: the root, or the only folder in it that does.

    Raises:
        FileNotFoundError: for a missing folder.
        ValueError: if it holds no data itself and several folders in it do, or if it fits several layouts.
    """
    if _holds_data(root):
        return root
    below = sorted(folder for folder in root.iterdir() if folder.is_dir() and _holds_data(folder))
    if len(below) > 1:
        names = ", ".join(folder.name for folder in below)
        raise ValueError(f"data.root={root} holds several sets ({names}): give one of these folders")
    return below[0] if below else root


def _holds_data(folder: Path) -> bool:
    return any((folder / name).is_file() for name in PAIR_FILES) or detect_layout(folder) is not None


def detect_layout(root: Path) -> Layout | None:
    """The layout of the training images, or None without training images.

    Raises:
        FileNotFoundError: for a missing folder.
        ValueError: if the root fits more than one layout.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"data.root={root}: no such folder")
    if read_split(root) is not None:  # it may lie among the folders that it divides
        return "split"
    found: list[Layout] = []
    if (root / "train.txt").is_file():
        found.append("lists")
    if any((base / "train" / "labels.txt").is_file() for base in (root / "cls_data", root)):
        found.append("hw2p2")
    elif (root / "train").is_dir():
        found.append("folders")
    if len(found) > 1:
        raise ValueError(f"data.root={root} fits the layouts {' and '.join(found)}: name one with data.layout")
    return found[0] if found else None


def find_sources(root: str, layout: Layout | None = None) -> Sources:
    """The sources under a root. Only file names, and the record of a split, are looked at; no list or image is read.

    Args:
        root: the user's folder. ``~`` and ``$VAR`` in it are expanded.
        layout: its layout; by default it is detected.

    Raises:
        FileNotFoundError: for a missing folder.
        ValueError: for a folder without data, a folder that fits several layouts, or an unknown layout.
    """
    if layout is not None:
        require_choice("data.", get_args(Layout), layout=layout)
    folder = expanded(root)
    base = folder if layout else find_base(folder)
    layout = layout or detect_layout(base)
    val_pairs, test_pairs = (_pairs(base, layout, name) for name in PAIR_FILES)
    if layout is None and not val_pairs and not test_pairs:
        raise ValueError(f"data.root={root} holds neither training images nor pairs: {_hint(base) or EXPECTED}")
    train = _images(base, layout, "train") if layout else None
    dev = _images(base, layout, "dev") if layout else None
    test = _test_images(base) if layout == "hw2p2" else None
    return Sources(train, dev, val_pairs, test_pairs, test)


def resolve_sources(
    root: str | None,
    layout: Layout | None,
    train: ImageSource | None,
    dev: ImageSource | None,
    val_pairs: dict[str, PairSource] | None,
    test_pairs: dict[str, PairSource] | None,
) -> Sources:
    """The named sources, and those of the root for roles without a named source (None).

    Raises:
        FileNotFoundError: for a missing root.
        ValueError: without a root and a named source, or for a root that :func:`find_sources` refuses.
    """
    if root is not None:
        found = find_sources(root, layout)
        train = found.train if train is None else train  # not `or`, which would ask a source for its length
        dev = found.dev if dev is None else dev
        val_pairs = found.val_pairs if val_pairs is None else val_pairs
        test_pairs = found.test_pairs if test_pairs is None else test_pairs
    elif train is None and dev is None and val_pairs is None and test_pairs is None:
        raise ValueError("no data: give --data.root DIR, or name sources (data.train, data.val_pairs, ...)")
    return Sources(train, dev, dict(val_pairs or {}), dict(test_pairs or {}))


def _hint(root: Path) -> str:
    """What to do with a folder that holds only people's folders; empty for any other."""
    found = people_folders(root)
    if not found:
        return ""
    if len(found) > 1:
        names = ", ".join(str(folder) for folder in found)
        return f"it holds several folders of people ({names}). `facerec split` divides one of them: give that"
    people = shlex.quote(str(found[0]))
    return (
        f"it looks like one folder for each person. `facerec split {people} SET` chooses people to train on and pairs "
        "of others, and copies no image. Then give --data.root SET"
    )


def _images(root: Path, layout: Layout, part: str) -> ImageSource | None:
    if layout == "split":
        listed = root / f"{part}.txt"
        people = str(images_of_split(root))
        return FolderImages(people, str(listed)) if part == "train" or listed.is_file() else None
    if layout == "lists":
        listed = root / f"{part}.txt"
        return ListImages(str(root / "images"), str(listed)) if part == "train" or listed.is_file() else None
    folder = (_classes(root) if layout == "hw2p2" else root) / part
    if part != "train" and not folder.is_dir():
        return None
    if layout == "hw2p2":
        return ListImages(str(folder / "images"), str(folder / "labels.txt"))
    return FolderImages(str(folder))


def _classes(root: Path) -> Path:
    """The folder of HW2P2's ``train``, ``dev`` and ``test``."""
    return root / "cls_data" if (root / "cls_data").is_dir() else root


def _test_images(root: Path) -> Images | None:
    """HW2P2's images to classify, in the order of their list if there is one, else of their sorted names."""
    folder = _classes(root) / "test"
    if (folder / "labels.txt").is_file():
        return ListImages(str(folder / "images"), str(folder / "labels.txt"))
    return UnlabelledImages(str(folder / "images")) if (folder / "images").is_dir() else None


def _pairs(root: Path, layout: Layout | None, name: str) -> dict[str, PairSource]:
    if not (root / name).is_file():
        return {}
    folders = (root / folder for folder in PAIR_FOLDERS)
    images = images_of_split(root) if layout == "split" else next(folder for folder in folders if folder.is_dir())
    return {"pairs": ListPairs(str(images), str(root / name))}
