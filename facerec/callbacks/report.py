"""What `facerec validate` and `facerec test` leave behind: one table, metrics.json, score files and figures."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from matplotlib.figure import Figure

from facerec import __version__
from facerec.callbacks.evaluation import Stage, data_of, recognizer_of
from facerec.callbacks.figures import show
from facerec.callbacks.verification import ScoredSet, Verification, verification_of
from facerec.checkpoints import store_calibration
from facerec.data.sources import PairSource
from facerec.recognizer import FaceRecognizer
from facerec.reports.curves import cmc_figure, det_figure, pairs_figure, verification_figure, worst_pairs
from facerec.reports.results import results_folder, write_figure, write_json, write_scores
from facerec.reports.summary import FARS, Summary, identify, summarise
from facerec.reports.tables import summary_table

BAND_POINTS = 40


class Report(Callback):
    """Prints one table after an evaluation that is not part of a training, and keeps its numbers, scores and figures.

    They are kept in ``<stage>/`` in the folder of the run, or beside the checkpoint: ``metrics.json``, for each set
    ``<set>_scores.csv``, and PNGs that TensorBoard shows too. A fast development run, of one batch, has no
    report.
    """

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report after `facerec validate`."""
        if trainer.state.fn == "validate":
            self._report(trainer, recognizer_of(pl_module), "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report after `facerec test`."""
        self._report(trainer, recognizer_of(pl_module), "test")

    def _report(self, trainer: Trainer, recognizer: FaceRecognizer, stage: Stage) -> None:
        verification = verification_of(trainer)
        if not trainer.is_global_zero or trainer.fast_dev_run or not verification.scores:  # type: ignore[attr-defined]
            return
        sets = data_of(trainer).pair_sets(stage)
        folder = results_folder(trainer, stage, data_of(trainer).root)
        summaries: dict[str, Summary] = {}
        notes: list[str] = []
        for name, scored in verification.scores.items():
            fars = band_fars(scored)
            summary = summarise(
                scored.scores, scored.same, scored.people, scored.folds, FARS, fars, description=f"bootstrap of {name}"
            )
            found, missing = identify(scored.embeddings, scored.subjects)
            summaries[name] = summary = replace(summary, identification=found, no_identification=missing)
            figures = _figures(scored, summary, sets[name], fars, f"{stage}/{name}", verification.score_name)
            for kind, figure in figures.items():
                show(trainer, f"{stage}/{name}/{kind}", figure)
                if folder is not None:
                    write_figure(folder / f"{name}_{kind}.png", figure)
            if folder is not None and not write_scores(folder / f"{name}_scores.csv", scored, sets[name]):
                notes.append(f"{name}: {len(scored.scores):,} pairs are too many for a score file, none was written")
        lines = [summary_table(summaries, verification.score_name), *_dev_accuracy(trainer, stage)]
        lines += _calibration(trainer, recognizer, verification, stage) + notes
        if stage == "val" and verification.store and trainer.ckpt_path:
            store_calibration(Path(trainer.ckpt_path), recognizer.calibration)
        if folder is not None:
            self._write(folder, trainer, recognizer, verification, summaries)
            lines.append(f"numbers, scores and figures: {folder}")
        print("\n" + "\n".join(lines) + "\n", flush=True)

    def _write(
        self,
        folder: Path,
        trainer: Trainer,
        recognizer: FaceRecognizer,
        verification: Verification,
        summaries: Mapping[str, Summary],
    ) -> None:
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        content = {
            "facerec": __version__,
            "stage": folder.name,
            "checkpoint": str(trainer.ckpt_path) if trainer.ckpt_path else None,
            "score": verification.score_name,
            "flip_test": recognizer.flip_test,
            "precision": str(trainer.precision),
            "calibration": recognizer.calibration,
            "logged": {name: value for name, value in logged.items() if np.isfinite(value)},
            "sets": {name: summary.to_json() for name, summary in summaries.items()},
        }
        write_json(folder / "metrics.json", content)


def band_fars(scored: ScoredSet) -> list[float]:
    """Where the band around the DET is drawn: from 10 false accepts up."""
    smallest = 10.0 / np.count_nonzero(~scored.same)
    return np.geomspace(smallest, 0.95, BAND_POINTS).tolist() if smallest < 0.5 else []


def _figures(
    scored: ScoredSet, summary: Summary, source: PairSource, fars: list[float], title: str, score: str
) -> dict[str, Figure]:
    """The figures by their kind."""
    band, kind = (summary.by_person, "person") if summary.by_person else (summary.by_pair, "pair")
    figures = {
        "roc": verification_figure(scored.scores, scored.same, title, score),
        "det": det_figure(scored, title, fars, band.tar[len(FARS) :], kind),
    }
    if summary.identification is not None:
        figures["cmc"] = cmc_figure(summary.identification, title)
    for genuine, kind in ((False, "false_accepts"), (True, "false_rejects")):
        places = worst_pairs(scored, summary.threshold, genuine=genuine)
        if len(places):
            worst = f"{title}: worst {kind.replace('_', ' ')} at the EER threshold {summary.threshold:.3f}"
            figures[kind] = pairs_figure(scored, source, places, worst)
    return figures


def _dev_accuracy(trainer: Trainer, stage: Stage) -> list[str]:
    metrics = trainer.callback_metrics
    lines = []
    if f"{stage}/accuracy" in metrics:
        lines.append(f"dev accuracy (training people, other images): {metrics[f'{stage}/accuracy']:.2%}")
    if f"{stage}/accuracy_nearest_mean" in metrics:
        share = metrics[f"{stage}/accuracy_nearest_mean"]
        lines.append(f"dev accuracy by nearest class mean (training people, other images): {share:.2%}")
    return lines


def _calibration(trainer: Trainer, recognizer: FaceRecognizer, verification: Verification, stage: Stage) -> list[str]:
    """The model's threshold: what it does to the test pairs, and what it was expected to do."""
    calibration = recognizer.calibration
    if not calibration:
        return ["the model has no calibrated threshold: these weights were never validated"] if stage == "test" else []
    if stage == "val":
        kept = (
            "put into the checkpoint" if verification.store else "--verification.store true puts it into the checkpoint"
        )
        return [
            f"threshold {calibration['threshold']:.4f} ({calibration.get('method', 'eer')} of the validation pairs): "
            f"FAR {calibration['far']:.2%}, FRR {calibration['frr']:.2%} expected; {kept}"
        ]
    if verification.calibration_of(recognizer) is None:
        kept = calibration.get("score", "cosine")
        return [
            f"the model's threshold is one of {kept} scores; it says nothing about {verification.score_name} scores"
        ]
    lines = [
        f"at the threshold {calibration['threshold']:.4f}, chosen on the validation pairs "
        f"({calibration.get('method', 'eer')}; FAR {calibration['far']:.2%}, FRR {calibration['frr']:.2%} there):"
    ]
    for name in verification.scores:
        far, frr = (trainer.callback_metrics[f"test/{name}/{rate}_at_calibrated"] for rate in ("far", "frr"))
        lines.append(f"  {name}: FAR {far:.2%}, FRR {frr:.2%}")
    return lines
