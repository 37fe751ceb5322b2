"""A course's submission: CSV files of scores or classes, checked against its sample, and the model's metadata."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from facerec.files import write_whole, written_whole
from facerec.inference.embedder import Embedder

VERIFICATION_COLUMNS = ("ID", "Label")
CLASSIFICATION_COLUMNS = ("id", "label")


def score_rows(scores_P: Sequence[float], fill: str = "") -> list[tuple[str, str]]:
    """Rows ``line index, cosine`` in file order (HW2P2's verification).

    Args:
        scores_P: cosine of each pair; NaN where an image could not be used.
        fill: text in place of NaN.
    """
    # Nine digits keep any two float32 apart: rounding would make ties.
    return [(str(index), fill if score != score else f"{score:.9g}") for index, score in enumerate(scores_P)]


@torch.inference_mode()
def predict_classes(embedder: Embedder, embeddings_ND: Tensor) -> list[str]:
    """Name of the training person with the highest logit, without margin, for each embedding.

    Args:
        embedder: model that made the embeddings.
        embeddings_ND: embeddings as the model gives them, not normalised.

    Raises:
        ValueError: if the model has no class weights, or does not know the names of its people.
    """
    recognizer = embedder.recognizer
    if recognizer.num_classes is None:
        raise ValueError("the model has no class weights to classify with: its folder was made to share embeddings")
    loss = recognizer.loss.to(recognizer.device)  # class weights may still be in the file
    logits_NC = loss.logits(recognizer.class_embeddings(embeddings_ND.to(recognizer.device)))
    if logits_NC is None:
        raise ValueError(
            f"{type(loss).__name__} has no class weights to classify with: "
            "`facerec enroll` the training images, and `facerec identify` with --threshold -1"
        )
    identities = recognizer.card.identities
    if len(identities) != logits_NC.shape[1]:
        raise ValueError(
            f"the checkpoint names {len(identities)} people and has weights of {logits_NC.shape[1]}: "
            "it was not written by `facerec fit`"
        )
    return [identities[label] for label in logits_NC.argmax(1).tolist()]


def read_sample(path: str | Path) -> tuple[tuple[str, str], list[str]]:
    """Column names and ids of a sample submission.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is empty, or its header does not have two columns.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no sample submission {path}")
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    if len(rows) < 2 or len(rows[0]) != 2:
        raise ValueError(
            f"{path} is not a sample submission: expected a header of two columns, e.g. ID,Label, and rows"
        )
    return (rows[0][0], rows[0][1]), [row[0] for row in rows[1:]]


def in_sample_order(
    rows: Sequence[tuple[str, str]], sample_ids: Sequence[str], sample: str | Path
) -> list[tuple[str, str]]:
    """The rows in the order of a sample submission with the same ids.

    Raises:
        ValueError: if the numbers of rows differ, or an id is missing or comes twice.
    """
    if len(rows) != len(sample_ids):
        raise ValueError(f"{len(rows)} predictions and {len(sample_ids)} rows in {sample}: these are not its images")
    by_id = dict(rows)
    missing = [sample_id for sample_id in sample_ids if sample_id not in by_id]
    if missing:
        raise ValueError(
            f"{sample} has the id {missing[0]!r} and {len(missing) - 1} more that were not predicted. Predicted were "
            f"{rows[0][0]!r} and so on: these are not its images"
        )
    if len(set(sample_ids)) != len(sample_ids):
        raise ValueError(f"{sample} has an id twice")
    return [(sample_id, by_id[sample_id]) for sample_id in sample_ids]


def write_rows(path: str | Path, columns: tuple[str, str], rows: Sequence[tuple[str, str]]) -> None:
    """Write a CSV with a header."""
    with (
        written_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_metadata(path: str | Path, embedder: Embedder) -> dict[str, int | str]:
    """Write ``{parameter_count, model_architecture}``, as the course's backend wants it, and return it.

    The count includes the class weights. The architecture is that of the training, before folding.
    """
    metadata = embedder.description
    write_whole(path, json.dumps(metadata, indent=2) + "\n")
    return metadata
