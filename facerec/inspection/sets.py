"""Which sets of images a user means, and who is in them."""

from pathlib import Path
from typing import Literal, NamedTuple

from facerec.data.folders import FolderImages
from facerec.data.images import is_image
from facerec.data.layouts import Layout, find_sources
from facerec.data.sources import AllPairs, Images, ImageSource, PairSource

UNKNOWN = ""
TRAINING_PEOPLE_TEST = "test"


class People(NamedTuple):
    """The person on each image of a set, as far as anything tells.

    Attributes:
        names: of the person on each image; empty where nobody knows.
        told_by: ``folder`` where each person has one, ``label`` where a list or record numbers them, None where nothing
            tells. Names of different origin cannot be compared.
    """

    names: list[str]
    told_by: Literal["folder", "label"] | None


def named_sets(root: str, layout: Layout | None = None) -> dict[str, Images]:
    """The sets under a root: ``train``, ``dev``, ``test``, ``val/<name>``, ``test/<name>``; else ``images``.

    Args:
        root: a folder in one of the known layouts, or one with a folder of images for each person.
        layout: to name the layout rather than have it told.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if nothing known is in it.
    """
    try:
        sources = find_sources(root, layout)
    except ValueError:
        if layout is not None or not _holds_person_folders(Path(root)):
            raise
        return {"images": FolderImages(root)}
    return role_sets(sources.train, sources.dev, dict(sources.val_pairs), dict(sources.test_pairs), sources.test)


def role_sets(
    train: ImageSource | None,
    dev: ImageSource | None,
    val_pairs: dict[str, PairSource],
    test_pairs: dict[str, PairSource],
    test: Images | None = None,
) -> dict[str, Images]:
    """The sets by their role; ``test`` is other images of the training people, as ``dev`` is."""
    sets: dict[str, Images] = {}
    if train is not None:
        sets["train"] = train
    if dev is not None:
        sets["dev"] = dev
    if test is not None:
        sets[TRAINING_PEOPLE_TEST] = test
    sets |= {f"val/{name}": pairs for name, pairs in val_pairs.items()}
    return sets | {f"test/{name}": pairs for name, pairs in test_pairs.items()}


def _holds_person_folders(root: Path) -> bool:
    folders = (entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return any(is_image(file) for folder in folders for file in folder.iterdir())


def people_of(images: Images) -> People:
    """The person on each image.

    A list may number people whose folders carry their names; where class and folder are the same thing, the folder's
    name counts, so that people of different lists can be compared.
    """
    labelled = images.images if isinstance(images, AllPairs) else images
    if isinstance(labelled, ImageSource):
        identities = labelled.identities
        names = [identities[label] for label in labelled.labels.tolist()]
        folders = _folders(labelled)
        told_by_folder = len(set(zip(names, folders, strict=True))) == len(set(names)) == len(set(folders))
        is_certain = len(set(names)) > 1 or folders == names  # the folder of one person may be that of all images
        return People(folders, "folder") if told_by_folder and is_certain else People(names, "label")
    known = images.people if isinstance(images, PairSource) else frozenset[str]()
    folders = [folder if folder in known else UNKNOWN for folder in _folders(images)]
    return People(folders, "folder" if any(folders) else None)


def _folders(images: Images) -> list[str]:
    return [Path(images.name(index)).parent.name for index in range(len(images))]
