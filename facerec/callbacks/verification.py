"""Verification: the equal error rate of each named set of pairs, from cosine scores of images encoded once."""

import numpy as np
import torch.nn.functional as F
from lightning.pytorch import Trainer
from numpy.typing import NDArray
from torch import Tensor

from facerec.callbacks.evaluation import EvaluationCallback, SetTable, Stage, data_of
from facerec.data.batches import Batch
from facerec.data.datamodule import DEV
from facerec.metrics import area_under_roc, equal_error_rate, error_rates_at
from facerec.recognizer import FaceRecognizer

Scores = dict[str, tuple[NDArray[np.float32], NDArray[np.bool_]]]


def cosine_scores(embeddings_ND: Tensor, pairs_P2: NDArray[np.int64]) -> NDArray[np.float32]:
    """float32 cosine of the two embeddings of each pair (P,), in [-1, 1]."""
    unit_ND = F.normalize(embeddings_ND.float())
    scores: NDArray[np.float32] = (unit_ND[pairs_P2[:, 0]] * unit_ND[pairs_P2[:, 1]]).sum(1).numpy()
    return scores


class Verification(EvaluationCallback):
    """Logs ``<stage>/<set>/eer``, its threshold and the AUC for each set, and ``<stage>/eer``, the mean over sets.

    After validation it calibrates the model's threshold: the equal-error threshold of all validation pairs together,
    saved with the checkpoint. Testing logs what that threshold, chosen on other people, does to the test pairs.

    Attributes:
        scores: by set, the scores (P,) and labels (P,) of the last pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scores: Scores = {}

    def wants(self, name: str) -> bool:
        """Every set of pairs."""
        return name != DEV

    def rows(self, recognizer: FaceRecognizer, embeddings_BD: Tensor, batch: Batch) -> Tensor:
        """The embeddings (B, D)."""
        return embeddings_BD.float()

    def measure(self, trainer: Trainer, recognizer: FaceRecognizer, stage: Stage, tables: dict[str, SetTable]) -> None:
        """Score the pairs of each set and log the error rates."""
        sets = data_of(trainer).pair_sets(stage)
        self.scores = {}
        rates: list[float] = []
        for name, table in tables.items():
            indices_N, embeddings_ND = table.gather(recognizer)
            pairs, same = sets[name].pairs, sets[name].same
            assert same is not None
            if len(indices_N) < len(sets[name]):  # a limited pass (sanity check, limit_val_batches): what is there
                pairs, same = _pairs_among(indices_N.numpy(), pairs, same)
                if not same.any() or same.all():
                    continue
            scores = cosine_scores(embeddings_ND, pairs)
            self.scores[name] = scores, same
            rate, threshold = equal_error_rate(scores, same)
            rates.append(rate)
            self._log(recognizer, f"{stage}/{name}/eer", rate)
            self._log(recognizer, f"{stage}/{name}/threshold", threshold)
            self._log(recognizer, f"{stage}/{name}/auc", area_under_roc(scores, same))
            if stage == "test" and recognizer.calibration:
                far, frr = error_rates_at(scores, same, recognizer.calibration["threshold"])
                self._log(recognizer, f"{stage}/{name}/far_at_calibrated", far)
                self._log(recognizer, f"{stage}/{name}/frr_at_calibrated", frr)
        if rates:
            recognizer.log(f"{stage}/eer", float(np.mean(rates)), prog_bar=True, sync_dist=True)
        if rates and stage == "val":
            recognizer.calibration = calibrate(self.scores)

    @staticmethod
    def _log(recognizer: FaceRecognizer, name: str, value: float) -> None:
        recognizer.log(name, value, sync_dist=True)


def verification_of(trainer: Trainer) -> Verification:
    """The callback of a run that holds the scores of the last pass."""
    return next(callback for callback in trainer.callbacks if isinstance(callback, Verification))  # type: ignore[attr-defined]


def calibrate(scores: Scores) -> dict[str, float]:
    """The equal-error threshold of all sets together, with the FAR and FRR it gives there."""
    all_scores = np.concatenate([scores_P for scores_P, _ in scores.values()])
    all_same = np.concatenate([same_P for _, same_P in scores.values()])
    _, threshold = equal_error_rate(all_scores, all_same)
    far, frr = error_rates_at(all_scores, all_same, threshold)
    return {"threshold": threshold, "far": far, "frr": frr}


def _pairs_among(
    indices_N: NDArray[np.int64], pairs_P2: NDArray[np.int64], same_P: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The pairs whose two images are both there, with positions in place of indices."""
    positions = np.searchsorted(indices_N, pairs_P2).clip(max=len(indices_N) - 1)
    there_P = (indices_N[positions] == pairs_P2).all(1)
    return positions[there_P], same_P[there_P]
