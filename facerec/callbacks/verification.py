"""Verification: the error rates of each named set of pairs. Each image is embedded once."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray
from torch import Tensor

from facerec.callbacks.accuracy import class_means
from facerec.callbacks.evaluation import EvaluationCallback, SetTable, Stage, data_of, recognizer_of
from facerec.data import leaks
from facerec.data.batches import Batch
from facerec.data.datamodule import DEV
from facerec.data.pair_doubts import counted
from facerec.data.sources import PairSource
from facerec.metrics.calibration import CalibrateAt, Calibration, calibrate_threshold, check_far
from facerec.metrics.scores import ScoreKind, normalise_scores, pair_scores
from facerec.recognizer import FaceRecognizer
from facerec.reports.scored import ScoredSet, UnlabelledPairs

SAME_SCORE = 1e-6  # scores that differ by less are equal: cosines in float32


class Verification(EvaluationCallback):
    """Logs ``<stage>/<set>/eer``, its threshold and the AUC for each set, and ``<stage>/eer``, the mean over sets.

    Validation calibrates the model's threshold on all validation pairs together. A checkpoint of the same weights keeps
    it. Testing logs the error rates of that threshold on the test pairs, which are of other people.

    Args:
        score: ``cosine``, or ``euclidean``, the negative distance of the embeddings as they are.
        as_norm: number of training people to normalise a cosine by (Matejka et al., Interspeech 2017): those who look
            most like the two images. Each evaluation then embeds training images.
        calibrate_at: place of the threshold: ``eer``, ``accuracy`` (the most accurate), or the highest FAR allowed.
        store: let ``facerec validate`` replace the threshold in the checkpoint by its own.

    Raises:
        ValueError: if ``as_norm`` is below 2 or goes with another score, or ``calibrate_at`` is not in (0, 1].

    Attributes:
        scores: scored set of each name, of the last pass.
        unlabelled: scores of each set whose pairs carry no labels, of the last pass.

    Example:
        >>> Verification(as_norm=100).score_name
        'cosine as-norm 100'
        >>> Verification(calibrate_at=0.001).calibrate_at  # a threshold for a FAR of 0.1 %
        0.001
    """

    def __init__(
        self,
        score: ScoreKind = "cosine",
        as_norm: int | None = None,
        calibrate_at: CalibrateAt = "eer",
        store: bool = False,
    ) -> None:
        super().__init__()
        if as_norm is not None and (as_norm < 2 or score != "cosine"):
            raise ValueError(f"verification.as_norm={as_norm} with score={score}: give 2 or more, with score=cosine")
        if not isinstance(calibrate_at, str) and not 0.0 < calibrate_at <= 1.0:
            raise ValueError(f"verification.calibrate_at={calibrate_at}: give eer, accuracy or a FAR such as 0.001")
        self.score = score
        self.as_norm = as_norm
        self.calibrate_at = calibrate_at
        self.store = store
        self.scores: dict[str, ScoredSet] = {}
        self.unlabelled: dict[str, UnlabelledPairs] = {}
        self._counted: dict[tuple[Stage, str], NDArray[np.bool_]] = {}
        self._fingerprints: list[str] | None = None

    @property
    def score_name(self) -> str:
        """What the scores are, so what a threshold is a threshold of."""
        return self.score if self.as_norm is None else f"{self.score} as-norm {self.as_norm}"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check that the validation pairs support the FAR to calibrate at, before anything is trained.

        Raises:
            ValueError: if they do not, or if a threshold is to be stored and there are no pairs to choose it on.
        """
        super().setup(trainer, pl_module, stage)
        self._counted, self._fingerprints = {}, None
        if stage == "validate" and self.store and not data_of(trainer).pair_sets("val"):
            raise ValueError(
                "--verification.store needs validation pairs to choose a threshold on: give data.val_pairs, or "
                "--data.root DIR with val_pairs.txt"
            )
        if isinstance(self.calibrate_at, str) or stage not in ("fit", "validate"):
            return
        sets = [pairs for pairs in data_of(trainer).pair_sets("val").values() if pairs.same is not None]
        if sets:
            check_far(self.calibrate_at, sum(int((counted(pairs) & ~np.asarray(pairs.same)).sum()) for pairs in sets))

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Warn of test pairs that chose the threshold."""
        calibration = recognizer_of(pl_module).calibration or {}
        for message in leaks.validated_on(data_of(trainer).pair_sets("test"), calibration.get("pairs", [])):
            rank_zero_warn(message)

    def wants(self, name: str) -> bool:
        """Every set of pairs."""
        return name != DEV

    def rows(self, recognizer: FaceRecognizer, embeddings_BD: Tensor, batch: Batch) -> Tensor:
        """The embeddings (B, D)."""
        return embeddings_BD.float()

    def measure(self, trainer: Trainer, recognizer: FaceRecognizer, stage: Stage, tables: dict[str, SetTable]) -> None:
        """Score the pairs of each set and log the error rates."""
        sets = data_of(trainer).pair_sets(stage)
        cohort_CD = self._cohort(trainer, recognizer) if tables else None
        self.scores, self.unlabelled = {}, {}
        rates: list[float] = []
        for name, table in tables.items():
            if (stage, name) not in self._counted:
                self._counted[stage, name] = counted(sets[name])
            scored = self._scored(sets[name], self._counted[stage, name], *table.gather(recognizer), cohort_CD)
            if isinstance(scored, UnlabelledPairs):
                self.unlabelled[name] = scored
                continue
            if not scored.same.any() or scored.same.all():
                continue  # a limited pass
            self.scores[name] = scored
            if is_constant([scored]) and not trainer.sanity_checking:
                rank_zero_warn(
                    f"the {stage} pairs {name!r} all score {scored.scores[0]:.4f}: the network gives every image the "
                    "same embedding, so the error rates mean nothing"
                )
            rate, threshold = scored.curve.equal_error_rate()
            rates.append(rate)
            self._log(recognizer, f"{stage}/{name}/eer", rate)
            self._log(recognizer, f"{stage}/{name}/threshold", threshold)
            self._log(recognizer, f"{stage}/{name}/auc", scored.curve.area_under_roc())
            calibration = self.calibration_of(recognizer)
            if stage == "test" and calibration is not None:
                far, frr = scored.curve.error_rates_at(calibration["threshold"])
                self._log(recognizer, f"{stage}/{name}/far_at_calibrated", far)
                self._log(recognizer, f"{stage}/{name}/frr_at_calibrated", frr)
        if rates:
            recognizer.log(f"{stage}/eer", float(np.mean(rates)), prog_bar=True, sync_dist=True)
        if rates and stage == "val" and not trainer.sanity_checking:
            self._calibrate(recognizer, sets)

    def _calibrate(self, recognizer: FaceRecognizer, sets: Mapping[str, PairSource]) -> None:
        """Choose the threshold on all sets. Where all scores are the same there is none.

        Raises:
            ValueError: if there is none, and it was to be stored.
        """
        if not is_constant(self.scores.values()):
            labelled = {name: (scored.scores, scored.same) for name, scored in self.scores.items()}
            calibration = calibrate(labelled, self.calibrate_at, self.score_name)
            if self._fingerprints is None:
                self._fingerprints = [leaks.fingerprint(pairs) for pairs in sets.values()]
            calibration["pairs"] = self._fingerprints
            recognizer.card = replace(recognizer.card, calibration=calibration)
        elif self.store:
            raise ValueError(
                "--verification.store: all validation pairs have the same score, so no threshold tells people apart. "
                "The checkpoint stays as it was"
            )

    def calibration_of(self, recognizer: FaceRecognizer) -> Calibration | None:
        """The model's threshold, if it belongs to scores of this kind."""
        calibration = recognizer.calibration
        return calibration if calibration and calibration.get("score", "cosine") == self.score_name else None

    def _cohort(self, trainer: Trainer, recognizer: FaceRecognizer) -> Tensor | None:
        """Directions of the training people (C, D), to normalise scores by."""
        if self.as_norm is None:
            return None
        means_CD = class_means(trainer, recognizer)
        if means_CD is None:
            raise ValueError(
                f"verification.as_norm={self.as_norm} needs images of the people the model was trained on, and these "
                "data have none: give data.train (or data.root) of the training, or leave as_norm out"
            )
        return means_CD.cpu()

    def _scored(
        self,
        source: PairSource,
        counted_P: NDArray[np.bool_],
        indices_N: Tensor,
        embeddings_ND: Tensor,
        cohort_CD: Tensor | None,
    ) -> ScoredSet | UnlabelledPairs:
        """Score the pairs that count and whose images were embedded, which are all images except in a limited pass."""
        same, folds, subjects = source.same, source.folds, source.subjects
        images = indices_N.numpy()
        pairs, kept = _pairs_among(images, source.pairs)
        if same is not None:
            pairs, kept = pairs[counted_P[kept]], kept & counted_P
        scores = pair_scores(embeddings_ND, pairs, self.score)
        if cohort_CD is not None and self.as_norm is not None:
            scores = normalise_scores(scores, embeddings_ND, pairs, cohort_CD, self.as_norm)
        if same is None:
            return UnlabelledPairs(scores, pairs, images)
        return ScoredSet(
            scores,
            same[kept],
            self.score_name,
            pairs=pairs,
            folds=None if folds is None else folds[kept],
            subjects=None if subjects is None else subjects[images],
            embeddings=embeddings_ND,
            images=images,
        )

    @staticmethod
    def _log(recognizer: FaceRecognizer, name: str, value: float) -> None:
        recognizer.log(name, value, sync_dist=True)


def verification_of(trainer: Trainer) -> Verification:
    """The callback of a trainer that holds the scores of the last pass."""
    return next(callback for callback in trainer.callbacks if isinstance(callback, Verification))  # type: ignore[attr-defined]


def is_constant(sets: Iterable[ScoredSet]) -> bool:
    """Whether all pairs of some sets have one score.

    Example:
        >>> is_constant([ScoredSet.from_arrays([1, 0], scores=[0.9, 0.9])])
        True
    """
    scores_P = np.concatenate([scored.scores for scored in sets])
    return bool(scores_P.max() - scores_P.min() < SAME_SCORE)


def calibrate(
    scores: Mapping[str, tuple[NDArray[np.floating], NDArray[np.bool_]]],
    at: CalibrateAt = "eer",
    score: str = "cosine",
) -> Calibration:
    """Choose one threshold on all sets together.

    Args:
        scores: scores (P,) and labels (P,) of each set by its name.
        at: place of the threshold, see :class:`Verification`.
        score: what the scores are.

    Returns:
        The threshold with its FAR and FRR on these pairs.
    """
    all_scores = np.concatenate([scores_P for scores_P, _ in scores.values()])
    all_same = np.concatenate([same_P for _, same_P in scores.values()])
    return calibrate_threshold(all_scores, all_same, at, score)


def _pairs_among(
    indices_N: NDArray[np.int64], pairs_P2: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The pairs whose two images are both among ``indices_N``, by position in it; and which pairs these are (P,)."""
    positions = np.searchsorted(indices_N, pairs_P2).clip(max=len(indices_N) - 1)
    there_P: NDArray[np.bool_] = (indices_N[positions] == pairs_P2).all(1)
    return positions[there_P], there_P
