"""What TensorBoard's Projector tab shows of a run: the embeddings of people it has never seen, with their faces.

Shapes: N images, D embedding.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facerec.data.sources import PairSource
from facerec.files import written_whole
from facerec.reports.scored import ScoredSet
from facerec.transforms.preprocess import resize

POINTS = 2000
FACE = 48  # pixels of a side of a face
CONFIG = "projector_config.pbtxt"  # the name that TensorBoard looks for
FOLDER, EMBEDDINGS, IMAGES, FACES = "projector", "embeddings.bytes", "images.tsv", "faces.png"


def write_projector(
    run: Path, scored: Mapping[str, ScoredSet], sources: Mapping[str, PairSource], *, faces: bool
) -> None:
    """Write the embeddings of each set of pairs, in place of those that the run has.

    Args:
        run: folder of the run.
        scored: the sets by their names; those without embeddings are left out.
        sources: their images.
        faces: whether a point shows its image.
    """
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    config = ProjectorConfig()
    for name, pairs in scored.items():
        if pairs.embeddings is not None:
            rows = chosen_rows(pairs.subjects, len(pairs.embeddings))
            shape = _write_set(run / FOLDER / name, pairs, rows, sources[name], faces=faces)
            place = f"{FOLDER}/{name}"
            entry = config.embeddings.add(tensor_name=name, tensor_shape=shape)
            entry.tensor_path, entry.metadata_path = f"{place}/{EMBEDDINGS}", f"{place}/{IMAGES}"
            if faces:
                entry.sprite.image_path = f"{place}/{FACES}"
                entry.sprite.single_image_dim.extend([FACE, FACE])
    with written_whole(run / CONFIG) as temporary:
        temporary.write_text(text_format.MessageToString(config), encoding="utf-8")


def chosen_rows(subjects: NDArray[np.int64] | None, images: int, most: int = POINTS) -> NDArray[np.int64]:
    """Rows to show: of random people all images, as far as there is room; of unknown people random images.

    The choice is the same in every run and draws from no generator of the training.

    Example:
        >>> chosen_rows(np.array([0, 0, 1, 1, 2, 2]), 6, most=4).tolist()
        [2, 3, 4, 5]
        >>> chosen_rows(None, 3).tolist()
        [0, 1, 2]
    """
    generator = np.random.default_rng(0)
    if images <= most:
        return np.arange(images)
    if subjects is None:
        return np.sort(generator.permutation(images)[:most])
    _, people = np.unique(subjects, return_inverse=True)
    turn = generator.permutation(people.max() + 1)[people]
    return np.sort(np.argsort(turn, kind="stable")[:most])


def _write_set(
    folder: Path, pairs: ScoredSet, rows: NDArray[np.int64], source: PairSource, *, faces: bool
) -> tuple[int, int]:
    """Write the files of one set; returns number and length of its embeddings."""
    assert pairs.embeddings is not None
    folder.mkdir(parents=True, exist_ok=True)
    places = [pairs.place(int(row)) for row in rows]
    points_ND = F.normalize(pairs.embeddings[torch.from_numpy(rows)].float()).numpy()
    points_ND.astype("<f4").tofile(folder / EMBEDDINGS)
    (folder / IMAGES).write_text(_names(pairs, rows, places, source), encoding="utf-8")
    (folder / FACES).unlink(missing_ok=True)  # of a training that showed faces before it was resumed
    if faces:
        sprite = sprite_of([resize(source.read(place)[None], (FACE, FACE))[0] for place in places])
        Image.fromarray(sprite).save(folder / FACES)
    return len(points_ND), points_ND.shape[1]


def _names(pairs: ScoredSet, rows: NDArray[np.int64], places: list[int], source: PairSource) -> str:
    """The table of the points: person, where known, and image."""
    images = [_one_field(source.name(place)) for place in places]
    if pairs.subjects is None:
        return "\n".join(images) + "\n"
    folders = source.folders()
    folders_N = [folders[pairs.place(row)] for row in range(len(pairs.subjects))]
    is_by_person = len(set(folders_N)) == len(np.unique(pairs.subjects))  # a folder for each person
    people = [folders_N[row] if is_by_person else str(pairs.subjects[row]) for row in rows]
    lines = [f"{_one_field(person)}\t{image}" for person, image in zip(people, images, strict=True)]
    return "\n".join(["person\timage", *lines]) + "\n"


def _one_field(text: str) -> str:
    return " ".join(text.split()) or "-"


def sprite_of(images: list[Tensor]) -> NDArray[np.uint8]:
    """Square images (3, S, S) in a square of as many rows as columns, as TensorBoard reads them: uint8 (H, W, 3).

    Example:
        >>> sprite_of([torch.zeros(3, 8, 8, dtype=torch.uint8)] * 5).shape
        (24, 24, 3)
    """
    side, size = math.ceil(math.sqrt(len(images))), images[0].shape[1]
    sprite = np.zeros((side * size, side * size, 3), dtype=np.uint8)
    for place, image_3SS in enumerate(images):
        row, column = divmod(place, side)
        sprite[row * size : (row + 1) * size, column * size : (column + 1) * size] = image_3SS.permute(1, 2, 0).numpy()
    return sprite
