"""What `facerec validate` and `facerec test` leave behind: one table, metrics.json, score files and figures."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn

from facerec.align.acquisition import acquisition_of
from facerec.callbacks.dashboard import dashboard_of
from facerec.callbacks.evaluation import Stage, data_of, recognizer_of
from facerec.callbacks.figure_loggers import show
from facerec.callbacks.verification import Verification, verification_of
from facerec.checkpoints import store_calibration
from facerec.data.formats.pairs import FilePairs
from facerec.data.leaks import fingerprint
from facerec.data.sources import PairSource
from facerec.recognizer import FaceRecognizer
from facerec.reports.figures import evaluation_figures
from facerec.reports.groups import Groups
from facerec.reports.groups_of_pairs import add_groups, require_people
from facerec.reports.looks import count_look, looks_line
from facerec.reports.measurement import METRICS, Measurement, write_metrics
from facerec.reports.qualities import LENGTHS, QUALITIES, keep_qualities, write_lengths
from facerec.reports.results import results_folder, write_figure, write_scores
from facerec.reports.summary import Summary, summarise
from facerec.reports.tables import summary_table
from facerec.reports.threshold import chosen_line, threshold_lines

RAW = "_raw_weights"  # beside what the run gave with the weights that its checkpoint offers


class Report(Callback):
    """Prints one table after `facerec validate` and `facerec test`, and keeps numbers, scores and figures.

    They go to ``<stage>/`` in the folder of the run, or beside the checkpoint: ``metrics.json``, ``<set>_scores.csv``
    for each set, and figures as PNGs, which TensorBoard shows too. A fast development run has no report.

    Args:
        groups: for each attribute the group of each person, whose error rates `facerec test` adds; see
            :func:`facerec.reports.read_groups`. Sets with groups of their own (RFW, BFW) need none.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> from facerec.callbacks import Verification
        >>> callbacks = [Verification(), Report()]  # the report needs the scores of the first
        >>> trainer = Trainer(callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self, groups: Groups | None = None) -> None:
        self.groups = groups

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See that the groups are of the test people.

        Raises:
            ValueError: if not.
        """
        if self.groups is not None:
            require_people(self.groups, data_of(trainer).pair_sets("test"))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report after `facerec validate`."""
        if trainer.state.fn == "validate":
            self._report(trainer, recognizer_of(pl_module), "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report after `facerec test`."""
        self._report(trainer, recognizer_of(pl_module), "test")

    def _report(self, trainer: Trainer, recognizer: FaceRecognizer, stage: Stage) -> None:
        verification = verification_of(trainer)
        accuracy = _dev_accuracy(trainer, stage)
        measured = bool(verification.scores or verification.unlabelled or accuracy)  # nothing, in a limited pass
        if not trainer.is_global_zero or trainer.fast_dev_run or not measured:  # type: ignore[attr-defined]
            return
        folder = _folder(trainer, stage)
        sets = data_of(trainer).pair_sets(stage)
        faces = sets if dashboard_of(trainer).faces else {}
        summaries: dict[str, Summary] = {}
        notes: list[str] = []
        calibration = verification.calibration_of(recognizer) if stage == "test" else None
        likelihood = calibration.get("likelihood") if calibration else None
        threshold = calibration["threshold"] if calibration else None
        for name, scored in verification.scores.items():
            text = f"bootstrap of {name}"
            summaries[name] = summarise(scored, description=text, likelihood=likelihood, threshold=threshold)
            summaries[name] = _with_acquisition(summaries[name], sets[name])
            if summaries[name].eer > 0.5:
                rank_zero_warn(
                    f"the {stage} pairs {name!r}: an EER of {summaries[name].eer:.2%} is worse than guessing. See "
                    f"whether the labels of its {len(scored.same):,} pairs are flipped: 1 is one person, 0 two people"
                )
            for kind, figure in evaluation_figures(scored, summaries[name], f"{stage}/{name}", faces.get(name)).items():
                show(trainer, f"{stage}/{name}/{kind}", figure)
                if folder is not None:
                    write_figure(folder / f"{name}_{kind}.png", figure)
            if folder is not None and not write_scores(folder / f"{name}_scores.csv", scored, sets[name]):
                notes.append(f"{name}: {len(scored.scores):,} pairs are too many for a score file, none was written")
            if folder is not None:
                write_lengths(folder / f"{name}{LENGTHS}", scored, sets[name])
                found = keep_qualities(folder / f"{name}{QUALITIES}", scored, sets[name], sets[name].qualities)
                notes += [f"{name}: {note}" for note in found]
        lines = [summary_table(summaries)] if summaries else []
        lines += accuracy
        lines += _calibration(summaries, recognizer, verification, stage) if summaries else []
        if stage == "test":
            lines += add_groups(summaries, verification.scores, sets, self.groups or {}, threshold)
        lines += notes + _unlabelled(trainer, verification, folder)
        if stage == "val" and verification.store and trainer.ckpt_path:
            store_calibration(Path(trainer.ckpt_path), recognizer.calibration)
        if stage == "test" and summaries:
            lines += _count_look(trainer, {name: sets[name] for name in summaries})
        if folder is not None:
            write_metrics(folder / METRICS, _measurement(trainer, recognizer, folder.name, summaries))
            lines.append(f"numbers, scores and figures: {folder}")
        print("\n" + "\n".join(lines) + "\n", flush=True)


def _run(trainer: Trainer) -> Path | None:
    """The logger's folder; None without one."""
    # Not trainer.log_dir: it asks the other processes, and only the first one is here.
    folders = [getattr(logger, "log_dir", None) for logger in trainer.loggers]
    return next((Path(folder) for folder in folders if isinstance(folder, str)), None)


def _folder(trainer: Trainer, stage: Stage) -> Path | None:
    """Where the results go: into the logger's folder, or beside the checkpoint; None for a model in memory."""
    name = f"{stage}{RAW}" if recognizer_of(trainer.lightning_module).takes_raw_weights else stage
    run = _run(trainer)
    if run is not None:
        return results_folder(run, name, data_of(trainer).root)
    return Path(trainer.ckpt_path).parent / name if trainer.ckpt_path else None


def _count_look(trainer: Trainer, sets: Mapping[str, PairSource]) -> list[str]:
    """Count this look at the test people in the folder of the run, and say how many there were."""
    run = _run(trainer)
    if run is None:
        return []
    fingerprints = {name: fingerprint(pairs) for name, pairs in sets.items()}
    count_look(run, fingerprints)
    return [looks_line(run, fingerprints)]


def _unlabelled(trainer: Trainer, verification: Verification, folder: Path | None) -> list[str]:
    """Write the scores of test pairs without labels, and say what they are good for."""
    lines = []
    for name, scored in verification.unlabelled.items():
        source = data_of(trainer).pair_sets("test")[name]
        path = folder / f"{name}_scores.csv" if folder is not None else None
        is_written = path is not None and write_scores(path, scored, source)
        where = f"their scores are in {path}" if is_written else "their scores were not written"
        lines.append(
            f"{name}: {len(scored.scores):,} pairs without labels, so no error rate; {where}. "
            f"{_predict(source, trainer.ckpt_path)} writes a course's submission"
        )
    return lines


def _predict(source: PairSource, checkpoint: object) -> str:
    """The command that writes the submission of a set of pairs."""
    pairs, images = ("FILE", "FOLDER")
    if isinstance(source, FilePairs):
        pairs, images = shlex.quote(source.pairs_file), shlex.quote(source.images)
    return f"`facerec predict --pairs {pairs} --images {images} --ckpt_path {checkpoint or 'CKPT'} --output FILE.csv`"


def _measurement(
    trainer: Trainer, recognizer: FaceRecognizer, stage: str, summaries: Mapping[str, Summary]
) -> Measurement:
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    return Measurement(
        stage=stage,
        checkpoint=str(trainer.ckpt_path) if trainer.ckpt_path else None,
        score=verification_of(trainer).score_name,
        flip_test=recognizer.flip_test,
        precision=str(trainer.precision),
        calibration=recognizer.calibration,
        logged={name: value for name, value in logged.items() if np.isfinite(value)},
        sets=dict(summaries),
    )


def _dev_accuracy(trainer: Trainer, stage: Stage) -> list[str]:
    metrics = trainer.callback_metrics
    lines = []
    if f"{stage}/accuracy" in metrics:
        lines.append(f"dev accuracy (training people, other images): {metrics[f'{stage}/accuracy']:.2%}")
    if f"{stage}/accuracy_nearest_mean" in metrics:
        share = metrics[f"{stage}/accuracy_nearest_mean"]
        lines.append(f"dev accuracy by nearest class mean (training people, other images): {share:.2%}")
    return lines


def _with_acquisition(summary: Summary, source: PairSource) -> Summary:
    """The numbers of a set of pairs, and how many images of its people a detector left out, where that is written."""
    if summary.at_threshold is None:
        return summary
    found = acquisition_of([source.name(index) for index in range(len(source))])
    return replace(summary, at_threshold=replace(summary.at_threshold, acquisition=found))


def _calibration(
    summaries: Mapping[str, Summary], recognizer: FaceRecognizer, verification: Verification, stage: Stage
) -> list[str]:
    """The model's threshold: what it does to the test pairs, and what it was expected to do."""
    calibration = recognizer.calibration
    if not calibration:
        return [f"no calibrated threshold: {recognizer.no_threshold}"] if stage == "test" else []
    if stage == "val":
        method = calibration.get("method", "eer")
        expected = f"FMR {calibration['far']:.2%}, FNMR {calibration['frr']:.2%}"
        kept = (
            "put into the checkpoint" if verification.store else "--verification.store true puts it into the checkpoint"
        )
        return [
            f"threshold {calibration['threshold']:.4f} ({method} of the validation pairs): {expected} expected; {kept}"
        ]
    if verification.calibration_of(recognizer) is None:
        kept = calibration.get("score", "cosine")
        return [
            f"the model's threshold is one of {kept} scores; it says nothing about {verification.score_name} scores"
        ]
    found = {name: summary.at_threshold for name, summary in summaries.items() if summary.at_threshold is not None}
    return [chosen_line(calibration), *threshold_lines(found)]
