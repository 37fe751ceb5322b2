"""Verification: the error rates of each named set of pairs. Each image is embedded once."""

from collections.abc import Mapping
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
from facerec.metrics.calibration import CalibrateAt, Calibration, check_far
from facerec.metrics.scores import ScoreKind
from facerec.recognizer import FaceRecognizer
from facerec.reports.calibration import calibrate_sets
from facerec.reports.pair_scoring import is_constant, score_set
from facerec.reports.scored import ScoredSet, UnlabelledPairs


class Verification(EvaluationCallback):
    """Logs ``<stage>/<set>/eer``, its threshold and the AUC for each set, and ``<stage>/eer``, the mean over sets.

    Validation calibrates the model's threshold on all validation pairs together, and how likely its scores are. A
    checkpoint of the same weights keeps both. Testing logs the error rates of that threshold on the test pairs, which
    are of other people.

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
            embedded = table.gather(trainer.lightning_module)
            scored = score_set(
                sets[name], self._counted[stage, name], *embedded, self.score_name, self.score, cohort_CD, self.as_norm
            )
            if isinstance(scored, UnlabelledPairs):
                self.unlabelled[name] = scored
            elif scored.same.any() and not scored.same.all():  # else a limited pass
                self.scores[name] = scored
                rates.append(self._log_rates(trainer, recognizer, f"{self.logged_stage(stage)}/{name}", scored))
        if trainer.state.fn != "fit":  # in a training CollapseCheck warns
            self._warn_of_constant_scores(stage)
        if rates:
            rate = float(np.mean(rates))
            self.log_number(trainer, f"{self.logged_stage(stage)}/eer", rate, prog_bar=True)
        if rates and stage == "val" and not trainer.sanity_checking:
            self._calibrate(recognizer, sets)

    def _log_rates(self, trainer: Trainer, recognizer: FaceRecognizer, prefix: str, scored: ScoredSet) -> float:
        """Log what one set gives; returns its EER."""
        rate, threshold = scored.curve.equal_error_rate()
        values = {"eer": rate, "threshold": threshold, "auc": scored.curve.area_under_roc()}
        calibration = self.calibration_of(recognizer)
        if prefix.startswith("test/") and calibration is not None:
            far, frr = scored.curve.error_rates_at(calibration["threshold"])
            values |= {"far_at_calibrated": far, "frr_at_calibrated": frr}
        for name, value in values.items():
            self.log_number(trainer, f"{prefix}/{name}", value)
        return rate

    def _warn_of_constant_scores(self, stage: Stage) -> None:
        for name, scored in self.scores.items():
            if is_constant([scored]):
                rank_zero_warn(
                    f"the {stage} pairs {name!r} all score {scored.scores[0]:.4f}: the network gives every image the "
                    "same embedding, so the error rates mean nothing"
                )

    def _calibrate(self, recognizer: FaceRecognizer, sets: Mapping[str, PairSource]) -> None:
        """Choose the threshold on all sets. Where all scores are the same there is none.

        Raises:
            ValueError: if there is none, and it was to be stored.
        """
        if not is_constant(self.scores.values()):
            calibration = calibrate_sets(self.scores.values(), self.calibrate_at)
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


def verification_of(trainer: Trainer) -> Verification:
    """The callback of a trainer that holds the scores of the last pass."""
    return next(callback for callback in trainer.callbacks if isinstance(callback, Verification))  # type: ignore[attr-defined]
