"""What ``facerec evaluate`` measures where the scores or embeddings are there already."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from facerec.data.formats.pair_list import pair_list
from facerec.data.formats.pairs import FilePairs
from facerec.data.pair_doubts import counted
from facerec.data.sources import PairSource
from facerec.metrics import ScoreKind
from facerec.reports.embedding_file import EmbeddingFile, read_embeddings
from facerec.reports.evaluated import Scored, Sets, require_labels
from facerec.reports.pair_scoring import score_set, with_scores
from facerec.reports.score_file import ScoredPairs, read_score_file
from facerec.reports.scored import ScoredSet

GIVEN, NEGATIVE = "given", "negative distance"


class Measured(NamedTuple):
    """The scored pairs, and what scored them.

    Attributes:
        tests: sets to measure.
        validation: sets to choose a threshold on.
        score: what the scores are.
        model: file that is measured.
        flip_test: what became of the mirror image, as far as that is known.
        skipped: number of pairs left out.
        groups: group of each person by attribute, as far as the pairs' own file says.
        has_images: whether the sources hold images.
    """

    tests: Sets
    validation: Sets
    score: str
    model: str
    flip_test: str | None = None
    skipped: int = 0
    groups: Mapping[str, Mapping[str, str]] = {}
    has_images: bool = False


def measured_scores(options: argparse.Namespace) -> Measured:
    """The pairs of ``--scores`` and ``--val_scores``."""
    columns = dict(_column(text) for text in options.columns or ())
    test, is_distance, groups = _scored_file(options, options.scores, options.pairs, columns)
    validation: dict[str, Scored] = {}
    if options.val_scores is not None:
        found, is_other, _ = _scored_file(options, options.val_scores, options.val_pairs, columns)
        if is_other != is_distance:
            kinds = ["distances" if some else "scores" for some in (is_distance, is_other)]
            raise ValueError(
                f"{options.scores} holds {kinds[0]} and {options.val_scores} holds {kinds[1]}: a threshold of one says "
                "nothing about the other"
            )
        validation[options.name] = found
    score = NEGATIVE if is_distance else GIVEN
    return Measured({options.name: test}, validation, score, options.scores, groups=groups)


def _column(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (name and equals and column):
        raise ValueError(f"--columns {text}: give NAME=COLUMN, such as score=cosine")
    return name, column


def _scored_file(
    options: argparse.Namespace, path: str, listed: str | None, columns: Mapping[str, str]
) -> tuple[Scored, bool, Mapping[str, Mapping[str, str]]]:
    """The pairs of a score file, whether they are distances, and groups of their people."""
    file = read_score_file(path, columns)
    source: PairSource = file if listed is None else _listed(file, listed)
    require_labels(path if listed is None else listed, source)
    is_distance = file.is_distance or options.distance
    scores_P = -file.scores if is_distance else file.scores
    found = with_scores(source, counted(source), scores_P, NEGATIVE if is_distance else GIVEN)
    return Scored(source, found), is_distance, file.groups


def _listed(file: ScoredPairs, listed: str) -> FilePairs:
    """The pairs of a list whose scores a file holds in the same order.

    Raises:
        ValueError: if the file says itself which pairs they are, or holds more or fewer.
    """
    if file.same is not None or file.knows_images:
        raise ValueError(f"{file.path} says itself which pairs it scores: leave out the list {listed}")
    source = pair_list(listed, extension=".jpg")
    if len(source.pairs) != len(file.scores):
        raise ValueError(
            f"{len(file.scores):,} scores in {file.path} and {len(source.pairs):,} pairs in {listed}: give one score "
            "for each line of the list, in its order"
        )
    return source


def measured_embeddings(options: argparse.Namespace) -> Measured:
    """The pairs of ``--pairs`` and ``--val_pairs``, by embeddings of a file."""
    file = read_embeddings(options.embeddings)
    tests, skipped = _by_name(options, file, options.pairs)
    validation: dict[str, Scored] = {}
    if options.val_pairs is not None:
        validation[options.name], more = _by_name(options, file, options.val_pairs)
        skipped += more
    return Measured({options.name: tests}, validation, options.score, " ".join(options.embeddings), skipped=skipped)


def _by_name(options: argparse.Namespace, file: EmbeddingFile, listed: str) -> tuple[Scored, int]:
    """The scored pairs of a list, and how many were left out for want of an embedding."""
    source = pair_list(listed, extension=Path(file.names[0]).suffix if file.names else ".jpg")
    require_labels(listed, source)
    images = list(source.paths)
    rows_N = file.rows(images)
    missing = np.flatnonzero(rows_N < 0)
    lost_P = np.asarray((rows_N[source.pairs] < 0).any(axis=1))
    if len(missing) and (not options.skip_missing or lost_P.all()):
        raise ValueError(
            f"{len(missing):,} of {len(images):,} images in {listed} have no embedding ({images[missing[0]]!r}, ...), "
            f"so {int(lost_P.sum()):,} of {len(lost_P):,} pairs no score. The file names its own like "
            f"{file.names[0] if file.names else 'nothing'!r}. Embed these images too, or give --skip_missing"
        )
    known = np.flatnonzero(rows_N >= 0)
    kind: ScoreKind = options.score
    found = score_set(
        source, counted(source), torch.from_numpy(known), file.embeddings[rows_N[known]], options.score, kind
    )
    assert isinstance(found, ScoredSet)  # it has labels
    return Scored(source, found), int(lost_P.sum())
