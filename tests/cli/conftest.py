"""How commands are called, and what several of them work on."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.cli import main
from facerec.data.images import read_image
from facerec.inference import Embedder
from tests.conftest import save_face


def run(*arguments: object) -> int:
    """Exit status of a command."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def assert_refused(message: str, capsys: pytest.CaptureFixture[str], *arguments: object) -> None:
    """See that a command ends with status 2 and the message, without an answer or a traceback."""
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert "person" not in captured.out


@pytest.fixture
def model(orl_run: Path) -> list[str]:
    """Options that name the checkpoint of the finished run."""
    return ["--ckpt_path", str(best_file(orl_run))]


def cosine(model: list[str], first: Path, second: Path) -> float:
    """Score of two images, from the network as it was trained, image by image."""
    recognizer = Embedder.from_checkpoint(model[1]).recognizer
    one, other = (recognizer.embed(read_image(path)[None]) for path in (first, second))
    return float(F.cosine_similarity(one, other))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Three people with three images each, one of them broken."""
    for person in (1, 2, 3):
        for image in (1, 2, 3):
            save_face(person, image, tmp_path / "people" / f"s{person}" / f"{image}.png")
    (tmp_path / "people" / "s3" / "3.png").write_text("no image")
    return tmp_path / "people"


def events(run: Path) -> EventAccumulator:
    """What a run has logged, all of it."""
    accumulator = EventAccumulator(str(run), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    accumulator.Reload()
    return accumulator


def last(run: Path) -> dict:
    """The last checkpoint of a run."""
    return torch.load(run / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")


def best_file(run: Path) -> Path:
    """File of the best checkpoint of a run."""
    return next((run / "checkpoints").glob("best-*.ckpt"))
