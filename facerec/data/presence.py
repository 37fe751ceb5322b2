"""Whether half a million files are there, without asking the file system for each of them."""

import os
from collections import Counter

from facerec.data.images import PathList

WORTH_LISTING = 8  # files named in one folder: fewer are asked for one by one, as the folder may hold many others


def first_missing(paths: PathList) -> int | None:
    """Index of the first path that is no file, or None if all are there.

    Folders are listed, once each, which takes a tenth of the time of asking for every file. What a listing does not
    show is asked for by name: the file system may fold upper and lower case, or forbid the listing.
    """
    folders = Counter(path.rpartition("/")[0] for path in paths)
    listed: dict[str, set[str]] = {}
    for index, path in enumerate(paths):
        folder, _, name = path.rpartition("/")
        if folders[folder] >= WORTH_LISTING:
            if folder not in listed:
                listed[folder] = _files(os.path.join(paths.root, folder))
            if name in listed[folder]:
                continue
        if not os.path.isfile(os.path.join(paths.root, path)):
            return index
    return None


def _files(folder: str) -> set[str]:
    """Names of the files in a folder; empty if it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()
