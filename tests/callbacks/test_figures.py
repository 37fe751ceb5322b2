"""A training shows its validation curves in TensorBoard; what measures a checkpoint leaves that to the report."""

from pathlib import Path

import pytest
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.callbacks import Verification, VerificationFigures
from tests.callbacks.conftest import orl_faces, quiet_trainer


def images(folder: Path) -> dict[str, list[int]]:
    """The steps of the images of each tag."""
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0})
    accumulator.Reload()
    return {tag: [image.step for image in accumulator.Images(tag)] for tag in accumulator.Tags()["images"]}


def test_each_validation_of_a_training_is_drawn_at_its_step(recognizer, tmp_path):
    logger = TensorBoardLogger(tmp_path)
    short = {"max_epochs": 2, "limit_train_batches": 1}
    quiet_trainer(Verification(), VerificationFigures(), logger=logger, **short).fit(recognizer, orl_faces())
    assert images(Path(logger.log_dir)) == {"val/orl": [0, 1]}


@pytest.mark.parametrize("what", ["validate", "test"])
def test_a_measurement_draws_nothing_here(what, recognizer, tmp_path):
    logger = TensorBoardLogger(tmp_path)
    trainer = quiet_trainer(Verification(), VerificationFigures(), logger=logger)
    getattr(trainer, what)(recognizer, orl_faces(), verbose=False)
    assert images(Path(logger.log_dir)) == {}


def test_without_tensorboard_nothing_is_drawn(recognizer, tmp_path, monkeypatch):
    monkeypatch.setattr("facerec.callbacks.figures.verification_figure", None)
    settings = {"logger": CSVLogger(tmp_path), "limit_train_batches": 1}
    quiet_trainer(Verification(), VerificationFigures(), **settings).fit(recognizer, orl_faces())
