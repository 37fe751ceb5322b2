"""A small trained network, the ORL faces, and a trainer that says nothing."""

from pathlib import Path

import pytest
from lightning.pytorch import Callback, Trainer

from facerec.data import FaceDataModule, ORLImages, ORLPairs
from facerec.recognizer import FaceRecognizer

QUIET = {
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


@pytest.fixture
def recognizer(orl_run: Path) -> FaceRecognizer:
    path = next((orl_run / "checkpoints").glob("best-*.ckpt"))
    return FaceRecognizer.load_from_checkpoint(path, map_location="cpu", weights_only=True)


def orl_faces(size: tuple[int, int] = (32, 32)) -> FaceDataModule:
    """The sources of the run, in a data module of their own."""
    return FaceDataModule(
        train=ORLImages("train"),
        dev=ORLImages("dev"),
        val_pairs={"orl": ORLPairs("val")},
        test_pairs={"orl": ORLPairs("test")},
        image_size=size,
    )


def quiet_trainer(*callbacks: Callback, **settings: object) -> Trainer:
    return Trainer(callbacks=list(callbacks), **{"logger": False, "max_epochs": 1, **QUIET, **settings})
