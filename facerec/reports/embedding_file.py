"""Embeddings that a file holds by name: what ``facerec embed`` writes, and plain ``.npz`` of other programs.

Shapes: N embeddings, M images, D embedding.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.archives import UNREADABLE, check_archive
from facerec.arrays import require_finite

NAMES, EMBEDDINGS, FINGERPRINT = "names", "embeddings", "fingerprint"
EXPECTED = f"expected the arrays {NAMES!r} (N,) and {EMBEDDINGS!r} (N, D), as `facerec embed` writes them"


@dataclass(frozen=True, eq=False)
class EmbeddingFile:
    """Embeddings by name.

    Attributes:
        names: name of each embedding, each once.
        embeddings: float32 (N, D).
        fingerprint: of the model, where ``facerec embed`` wrote the file; else empty.
    """

    names: list[str]
    embeddings: Tensor
    fingerprint: str = ""

    def rows(self, images: Sequence[str]) -> NDArray[np.int64]:
        """The row of each image (M,), -1 where there is none.

        A file may name images from another folder than a list does: ``faces/a/1.png`` and ``a/1.png``. Then the one
        folder is left out that finds the most images.

        Args:
            images: their names in the list.

        Example:
            >>> file = EmbeddingFile(["faces/a/1.png", "faces/b/1.png"], torch.eye(2))
            >>> file.rows(["b/1.png", "a/1.png", "c/1.png"]).tolist()
            [1, 0, -1]
        """
        row_of = {name: row for row, name in enumerate(self.names)}
        found = [[row_of.get(folder + image, -1) for image in images] for folder in ["", *self._folders(images)]]
        return np.array(max(found, key=lambda rows: sum(row >= 0 for row in rows)), dtype=np.int64)

    def _folders(self, images: Sequence[str]) -> list[str]:
        """Folders that the names have and the list does not, as the first image says that has any."""
        for image in images:
            end = f"/{image}"
            folders = {name[: -len(image)] for name in self.names if name.endswith(end)}
            if folders:
                return sorted(folders)
        return []


def read_embeddings(paths: Sequence[str | Path]) -> EmbeddingFile:
    """The embeddings of one or several files of one model.

    Args:
        paths: ``.npz`` files with the arrays ``names`` and ``embeddings``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file: if it is none of the kind, lacks an array, holds a name twice or a number that is
            not finite, or holds embeddings of another size or model than the file before.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/a.npz", names=["a.png", "b.png"], embeddings=np.eye(2))
        ...     found = read_embeddings([f"{folder}/a.npz"])
        >>> found.names, found.embeddings.tolist()
        (['a.png', 'b.png'], [[1.0, 0.0], [0.0, 1.0]])
    """
    files = [_read(path) for path in paths]
    first = files[0]
    for path, file in zip(paths[1:], files[1:], strict=True):
        sizes = [found.embeddings.shape[1] for found in (first, file)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"{path} holds embeddings of {sizes[1]} numbers and {paths[0]} of {sizes[0]}: two models made them. "
                "Give files of one model"
            )
        if file.fingerprint != first.fingerprint:
            raise ValueError(
                f"{path} was made by the model {file.fingerprint or 'unknown'} and {paths[0]} by "
                f"{first.fingerprint or 'unknown'}: scores between them mean nothing. Give files of one model"
            )
    names = [name for file in files for name in file.names]
    _require_once(names, " and ".join(map(str, paths)))
    return EmbeddingFile(names, torch.cat([file.embeddings for file in files]), first.fingerprint)


def _read(path: str | Path) -> EmbeddingFile:
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}: `facerec embed IMAGES --output {path}` writes one")
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no .npz")
        check_archive(path, "NumPy", packed=True)
        with np.load(path, allow_pickle=False) as stored:
            missing = [name for name in (NAMES, EMBEDDINGS) if name not in stored.files]
            if missing:
                raise ValueError(f"it has no {' and no '.join(missing)}, but {', '.join(stored.files) or 'nothing'}")
            fingerprint = str(stored[FINGERPRINT]) if FINGERPRINT in stored.files else ""
            names, embeddings = stored[NAMES], stored[EMBEDDINGS]
    except UNREADABLE as error:
        raise ValueError(f"{path} is no file of embeddings: {error}; {EXPECTED}") from error
    return EmbeddingFile(*_checked(path, names, embeddings), fingerprint)


def _checked(path: str | Path, names: NDArray[Any], embeddings: NDArray[Any]) -> tuple[list[str], Tensor]:
    is_number = np.issubdtype(embeddings.dtype, np.floating) or np.issubdtype(embeddings.dtype, np.integer)
    if names.ndim != 1 or embeddings.ndim != 2 or len(names) != len(embeddings) or not is_number:
        raise ValueError(
            f"{path} holds names {names.shape} and embeddings {embeddings.shape} of {embeddings.dtype}; {EXPECTED}"
        )
    texts = [name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else str(name) for name in names]
    require_finite(f"{path}: embeddings", embeddings, "Make them again, or leave these images out", texts)
    _require_once(texts, str(path))
    return texts, torch.from_numpy(embeddings.astype(np.float32))


def _require_once(names: Sequence[str], origin: str) -> None:
    known: set[str] = set()
    again = [name for name in names if name in known or known.add(name)]  # type: ignore[func-returns-value]
    if again:
        raise ValueError(
            f"{origin}: {len(again)} of {len(names)} names come twice, such as {again[0]!r}: keep one each"
        )
