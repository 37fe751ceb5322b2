"""What a user's root folder holds, told by what is on disk: which sources it gives to which role.

Three layouts are known; beside the classes each may hold ``val_pairs.txt`` and ``test_pairs.txt``:

- ``folders``: ``train/<person>/<image>`` and ``dev/<person>/<image>``; pairs relative to ``ver_data/``. VGGFace2 as the
  course hands it out.
- ``hw2p2``: ``[cls_data/]train/images/`` with ``train/labels.txt``, and ``dev`` alike; pairs relative to ``ver_data/``.
- ``lists``: one ``images/`` with ``train.txt`` and ``dev.txt``; pairs relative to ``images/``.
"""

from pathlib import Path
from typing import Literal, NamedTuple, get_args

from facerec.data.folders import FolderImages
from facerec.data.lists import ListImages, ListPairs
from facerec.data.sources import ImageSource, PairSource

Layout = Literal["folders", "hw2p2", "lists"]
PAIR_FOLDERS = ("ver_data", "images", ".")
EXPECTED = (
    "expected train/<person>/<image> (folders), [cls_data/]train/labels.txt beside train/images/ (hw2p2), "
    "or images/ with train.txt (lists); pairs only, val_pairs.txt or test_pairs.txt, are enough to evaluate"
)


class Sources(NamedTuple):
    """The sources of each role; None and empty where the root has none."""

    train: ImageSource | None
    dev: ImageSource | None
    val_pairs: dict[str, PairSource]
    test_pairs: dict[str, PairSource]


def tell_layout(root: Path) -> Layout | None:
    """The layout of the training images, or None where there are none.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if the root fits more than one layout.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"data.root={root}: no such folder")
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
    """The sources under a root. Nothing is read yet beyond what tells the layout.

    Args:
        root: the user's folder.
        layout: to name it rather than have it told.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if nothing known is in it, or more than one layout fits, or the layout is not one of the three.
    """
    base = Path(root)
    if layout is not None and layout not in get_args(Layout):
        raise ValueError(f"data.layout={layout!r}: choose one of {', '.join(get_args(Layout))}")
    layout = layout or tell_layout(base)
    val_pairs = _pairs(base, "val_pairs.txt")
    test_pairs = _pairs(base, "test_pairs.txt")
    if layout is None and not val_pairs and not test_pairs:
        raise ValueError(f"data.root={root} holds neither training images nor pairs: {EXPECTED}")
    train = _images(base, layout, "train") if layout else None
    dev = _images(base, layout, "dev") if layout else None
    return Sources(train, dev, val_pairs, test_pairs)


def _images(root: Path, layout: Layout, part: str) -> ImageSource | None:
    if layout == "lists":
        listed = root / f"{part}.txt"
        return ListImages(str(root / "images"), str(listed)) if part == "train" or listed.is_file() else None
    if layout == "hw2p2" and (root / "cls_data").is_dir():
        root = root / "cls_data"
    folder = root / part
    if part != "train" and not folder.is_dir():
        return None
    if layout == "hw2p2":
        return ListImages(str(folder / "images"), str(folder / "labels.txt"))
    return FolderImages(str(folder))


def _pairs(root: Path, name: str) -> dict[str, PairSource]:
    if not (root / name).is_file():
        return {}
    images = next(root / folder for folder in PAIR_FOLDERS if (root / folder).is_dir())
    return {"pairs": ListPairs(str(images), str(root / name))}
