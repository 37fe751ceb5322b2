"""The sets of images that a user names."""

from facerec.data.formats.folders import FolderImages, people_folders
from facerec.data.layouts import Layout, find_sources
from facerec.data.sources import Images, ImageSource, PairSource
from facerec.files import expanded

TRAINING_PEOPLE_TEST = "test"


def named_sets(root: str, layout: Layout | None = None) -> dict[str, Images]:
    """The sets under a root: ``train``, ``dev``, ``test``, ``val/<name>``, ``test/<name>``; else ``images``.

    Args:
        root: a folder in one of the known layouts, or one with a folder of images for each person, in it or up to two
            levels below.
        layout: of the root; by default it is detected.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if nothing known is in it.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     for person in ("ada", "ben"):
        ...         Path(folder, person).mkdir()
        ...         Path(folder, person, "1.jpg").touch()
        ...     {name: len(images) for name, images in named_sets(folder).items()}
        {'images': 2}
    """
    try:
        sources = find_sources(root, layout)
    except ValueError:  # which names the folders to give, if several hold people
        people = people_folders(expanded(root)) if layout is None else []
        if len(people) != 1:
            raise
        return {"images": FolderImages(str(people[0]))}
    return role_sets(sources.train, sources.dev, dict(sources.val_pairs), dict(sources.test_pairs), sources.test)


def role_sets(
    train: ImageSource | None,
    dev: ImageSource | None,
    val_pairs: dict[str, PairSource],
    test_pairs: dict[str, PairSource],
    test: Images | None = None,
) -> dict[str, Images]:
    """The sets by their role. ``test`` and ``dev`` are other images of the training people."""
    sets: dict[str, Images] = {}
    if train is not None:
        sets["train"] = train
    if dev is not None:
        sets["dev"] = dev
    if test is not None:
        sets[TRAINING_PEOPLE_TEST] = test
    sets |= {f"val/{name}": pairs for name, pairs in val_pairs.items()}
    return sets | {f"test/{name}": pairs for name, pairs in test_pairs.items()}
