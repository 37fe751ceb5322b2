"""What a measurement leaves behind, from one curve and one figure for each set."""

import contextlib
import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.callbacks import DevAccuracy, Report, Verification, VerificationFigures
from facerec.data import FaceDataModule, ORLImages, ORLPairs
from facerec.metrics import VerificationCurve
from facerec.recognizer import FaceRecognizer
from facerec.reports import evaluate, read_metrics, summary_table
from tests.callbacks.conftest import orl_faces, quiet_trainer

KINDS = {"roc", "det", "cmc", "false_accepts", "false_rejects"}


class Outcome(NamedTuple):
    """A test of two sets of pairs: the run's folder, what was printed, and how many curves were built."""

    run: Path
    printed: str
    curves: int


@pytest.fixture(scope="module")
def outcome(orl_run, tmp_path_factory) -> Outcome:
    path = next((orl_run / "checkpoints").glob("best-*.ckpt"))
    recognizer = FaceRecognizer.load_from_checkpoint(path, map_location="cpu", weights_only=True)
    data = FaceDataModule(
        train=ORLImages("train"),
        dev=ORLImages("dev"),
        test_pairs={"first": ORLPairs("test"), "second": ORLPairs("val")},
        image_size=(32, 32),
    )
    logger = TensorBoardLogger(tmp_path_factory.mktemp("tested"))
    callbacks = [DevAccuracy(), Verification(), VerificationFigures(), Report()]
    build, built = VerificationCurve.__init__, []

    def count(self, *arguments) -> None:
        built.append(self)
        build(self, *arguments)

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.setattr(VerificationCurve, "__init__", count)
        quiet_trainer(*callbacks, logger=logger).test(recognizer, data, verbose=False)
    return Outcome(Path(logger.log_dir), printed.getvalue(), len(built))


def test_a_set_is_sorted_into_one_curve(outcome):
    assert outcome.curves == 2


def test_each_figure_is_drawn_once(outcome):
    """No two tags show the same bytes, and the files beside the numbers are of the same kinds."""
    accumulator = EventAccumulator(str(outcome.run), size_guidance={"images": 0})
    accumulator.Reload()
    tags = accumulator.Tags()["images"]
    assert set(tags) == {f"verdict/test/{name}/{kind}" for name in ("first", "second") for kind in KINDS}
    shown = Counter(image.encoded_image_string for tag in tags for image in accumulator.Images(tag))
    assert set(shown.values()) == {1}
    drawn = {path.stem for path in (outcome.run / "test").glob("*.png")}
    assert drawn == {f"{name}_{kind}" for name in ("first", "second") for kind in KINDS}


def test_the_file_gives_the_table_again(outcome):
    kept = read_metrics(outcome.run / "test" / "metrics.json")
    assert summary_table(kept.sets) in outcome.printed
    assert (kept.stage, kept.score, kept.precision) == ("test", "cosine", "32-true")
    for name, summary in kept.sets.items():
        assert kept.logged[f"test/{name}/eer"] == pytest.approx(summary.eer, abs=1e-6)


def test_anyone_gets_the_numbers_from_the_score_file(outcome):
    kept = read_metrics(outcome.run / "test" / "metrics.json").sets["first"]
    with (outcome.run / "test" / "first_scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    again = evaluate([int(row["same"]) for row in rows], scores=[float(row["score"]) for row in rows], resamples=2)
    assert (again.genuine, again.impostor) == (kept.genuine, kept.impostor) == (450, 4500)
    assert (again.eer, again.threshold, again.auc) == pytest.approx((kept.eer, kept.threshold, kept.auc))
    assert [row["image_1"] for row in rows[:2]] == [ORLPairs("test").name(0)] * 2


def test_it_says_how_the_dev_images_did(outcome):
    assert re.search(r"dev accuracy \(training people, other images\): [\d.]+%\n", outcome.printed)


def test_a_validation_within_a_training_has_no_report(recognizer, tmp_path, capsys):
    settings = {"logger": CSVLogger(tmp_path), "limit_train_batches": 1}
    quiet_trainer(Verification(), Report(), **settings).fit(recognizer, orl_faces())
    assert "genuine pairs" not in capsys.readouterr().out
    assert not list(tmp_path.rglob("metrics.json"))


def test_too_many_pairs_for_a_score_file_are_told(recognizer, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("facerec.reports.results.MOST_ROWS", 1000)
    quiet_trainer(Verification(), Report(), logger=CSVLogger(tmp_path)).test(recognizer, orl_faces(), verbose=False)
    assert "orl: 4,950 pairs are too many for a score file, none was written" in capsys.readouterr().out
    assert not list(tmp_path.rglob("*_scores.csv"))
    assert len(list(tmp_path.rglob("metrics.json"))) == 1


def test_a_model_in_memory_prints_its_table_alone(recognizer, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quiet_trainer(Verification(), Report()).validate(recognizer, orl_faces(), verbose=False)
    printed = capsys.readouterr().out
    assert re.search(r"genuine pairs +270\n", printed)
    assert "numbers, scores and figures" not in printed
    assert list(tmp_path.iterdir()) == []
