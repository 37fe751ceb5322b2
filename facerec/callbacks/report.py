"""The table that `facerec validate` and `facerec test` print."""

from collections.abc import Sequence

from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import ArrayLike

from facerec.callbacks.evaluation import Stage, recognizer_of
from facerec.callbacks.verification import verification_of
from facerec.metrics import area_under_roc, bootstrap_interval, equal_error_rate

PAIRS_RESAMPLED = 20_000_000  # in all, which takes seconds: 1,000 resamples of up to 20,000 pairs, fewer of more


class Report(Callback):
    """Prints one table after an evaluation that is not part of a training."""

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print after `facerec validate`."""
        if trainer.state.fn == "validate":
            self._print(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print after `facerec test`."""
        self._print(trainer, pl_module, "test")

    def _print(self, trainer: Trainer, pl_module: LightningModule, stage: Stage) -> None:
        if not trainer.is_global_zero:
            return
        verification = verification_of(trainer)
        metrics = trainer.callback_metrics
        rows = [("set", "EER", "95% interval", "threshold", "AUC", "genuine", "impostor")]
        for name, (scores_P, same_P) in verification.scores.items():
            rate, threshold = equal_error_rate(scores_P, same_P)
            resamples = max(100, min(1000, PAIRS_RESAMPLED // len(scores_P)))
            low, high = bootstrap_interval(_eer, scores_P, same_P, resamples)
            auc = area_under_roc(scores_P, same_P)
            genuine = int(same_P.sum())
            interval = f"{low:.2%} - {high:.2%}"
            rows.append(
                (
                    name,
                    f"{rate:.2%}",
                    interval,
                    f"{threshold:.4f}",
                    f"{auc:.4f}",
                    f"{genuine}",
                    f"{len(same_P) - genuine}",
                )
            )
        lines = [format_table(rows)]
        if f"{stage}/accuracy" in metrics:
            lines.append(f"dev accuracy (training people, other images): {metrics[f'{stage}/accuracy']:.2%}")
        if f"{stage}/accuracy_nearest_mean" in metrics:
            share = metrics[f"{stage}/accuracy_nearest_mean"]
            lines.append(f"dev accuracy by nearest class mean (training people, other images): {share:.2%}")
        calibration = recognizer_of(pl_module).calibration
        if stage == "test" and calibration:
            lines.append(f"at the threshold {calibration['threshold']:.4f}, chosen on the validation pairs:")
            for name in verification.scores:
                far, frr = (metrics[f"test/{name}/{rate}_at_calibrated"] for rate in ("far", "frr"))
                lines.append(f"  {name}: FAR {far:.2%}, FRR {frr:.2%}")
        print("\n" + "\n".join(lines) + "\n", flush=True)


def _eer(scores: ArrayLike, same: ArrayLike) -> float:
    return equal_error_rate(scores, same)[0]


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of text in columns: the first column flush left, the others flush right, a line under the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
