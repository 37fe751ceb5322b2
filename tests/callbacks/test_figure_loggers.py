"""A figure in each kind of logger, read back from what the logger wrote."""

from pathlib import Path

import numpy as np
import pytest
from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from PIL import Image

from facerec.callbacks.figure_loggers import pixels, show
from facerec.reports.curves import new_figure
from tests.callbacks.conftest import quiet_trainer
from tests.cli.conftest import events


@pytest.fixture
def figure():
    figure = new_figure(2, 1, "a figure")
    figure.subplots().plot([0, 1], [1, 0])
    return figure


def shown(recognizer, figure, logger, **settings):
    trainer = quiet_trainer(logger=logger)
    trainer.strategy.connect(recognizer)
    recognizer.trainer = trainer
    show(trainer, "test/orl/roc", figure, **settings)


def is_of(file: Path, figure) -> bool:
    """Whether an image shows a figure; its layout moves by parts of a pixel with each drawing."""
    image, expected = np.asarray(Image.open(file)), pixels(figure)
    return image.shape == expected.shape and np.abs(image.astype(float) - expected).mean() < 2.0


def test_tensorboard_has_its_pixels_at_the_step_of_the_numbers(recognizer, figure, tmp_path):
    logger = TensorBoardLogger(tmp_path)
    shown(recognizer, figure, logger, step=7)
    logger.finalize("success")
    [image] = events(Path(logger.log_dir)).Images("verdict/test/orl/roc")
    assert image.step == 6
    (tmp_path / "image.png").write_bytes(image.encoded_image_string)
    assert is_of(tmp_path / "image.png", figure)
    assert not is_of(tmp_path / "image.png", new_figure(2, 1, "another"))


def test_a_logger_of_numbers_alone_gets_none(recognizer, figure, tmp_path):
    shown(recognizer, figure, CSVLogger(tmp_path))
    assert not list(tmp_path.rglob("*.*"))


def test_raw_weights_beside_an_average_are_not_in_the_log(recognizer, figure, tmp_path):
    recognizer.takes_raw_weights = True
    shown(recognizer, figure, TensorBoardLogger(tmp_path))
    assert not list(tmp_path.rglob("events*"))


def test_weights_and_biases_has_its_pixels(recognizer, figure, tmp_path):
    pytest.importorskip("wandb")
    logger = WandbLogger(save_dir=str(tmp_path), offline=True)
    shown(recognizer, figure, logger, step=7)
    logger.experiment.finish()
    [path] = tmp_path.rglob("media/images/test/orl/roc_*.png")
    assert is_of(path, figure)


def test_mlflow_has_it_as_an_artifact_of_the_step(recognizer, figure, tmp_path):
    pytest.importorskip("mlflow")
    logger = MLFlowLogger(tracking_uri=f"sqlite:///{tmp_path}/runs.db", artifact_location=str(tmp_path / "artifacts"))
    shown(recognizer, figure, logger, step=7)
    [path] = tmp_path.rglob("*.png")
    assert path.parts[-5:] == ("figures", "test", "orl", "roc", "00000006.png")
