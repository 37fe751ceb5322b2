"""The same numbers as a torchmetrics metric, for users of plain Lightning."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from facerec.metrics.curve import VerificationCurve


class VerificationMetric(Metric):
    """EER, its threshold, AUC and TAR at FARs of all scores given since the last reset.

    It keeps every score and gathers them from all processes. So the numbers are exact and do not depend on the batches.
    Give each pair once: a sampler that repeats pairs, to make the processes equal, counts those pairs twice.
    (``facerec test`` gathers by image index and does not have this fault.)

    Args:
        fars: false accept rates.
        kwargs: arguments of ``torchmetrics.Metric``.

    Example:
        >>> import torch
        >>> from facerec.metrics import VerificationMetric
        >>> metric = VerificationMetric(fars=[0.5])
        >>> metric.update(torch.tensor([0.75, 0.5]), torch.tensor([True, False]))  # one batch
        >>> metric.update(torch.tensor([0.25, 0.0]), torch.tensor([True, False]))  # and another
        >>> {name: value.item() for name, value in metric.compute().items()}
        {'eer': 0.5, 'threshold': 0.375, 'auc': 0.75, 'tar_at_0.5': nan}
    """

    full_state_update = False
    higher_is_better = None
    is_differentiable = False
    scores: list[Tensor]
    same: list[Tensor]

    def __init__(self, fars: Sequence[float] = (1e-2, 1e-3), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fars = tuple(fars)
        self.add_state("scores", default=[], dist_reduce_fx="cat")
        self.add_state("same", default=[], dist_reduce_fx="cat")

    def update(self, scores: Tensor, same: Tensor) -> None:
        """Add a batch.

        Args:
            scores: score of each pair (B,).
            same: whether each pair shows one person (B,).
        """
        self.scores.append(scores.detach().float())
        self.same.append(same.detach().bool())

    def compute(self) -> dict[str, Tensor]:
        """``eer``, ``threshold``, ``auc`` and ``tar_at_<far>``, the last NaN where the impostors cannot support it.

        Raises:
            ValueError: if one kind of pair is missing, or a score is NaN or inf.
        """
        curve = VerificationCurve(dim_zero_cat(self.scores), dim_zero_cat(self.same))
        rate, threshold = curve.equal_error_rate()
        numbers = {"eer": rate, "threshold": threshold, "auc": curve.area_under_roc()}
        numbers |= {f"tar_at_{point.far:g}": point.tar for point in curve.tar_at_far(self.fars)}
        return {name: torch.tensor(value) for name, value in numbers.items()}
