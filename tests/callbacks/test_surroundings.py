"""What a run keeps about where it was trained: one entry for each start."""

from lightning.pytorch.loggers import TensorBoardLogger

from facerec.callbacks import Surroundings
from facerec.reports.surroundings import SURROUNDINGS, read_starts
from tests.callbacks.conftest import orl_faces, quiet_trainer


def test_a_run_that_is_resumed_has_two_entries(recognizer, tmp_path):
    for _ in range(2):
        logger = TensorBoardLogger(tmp_path, name="mine", version=0)
        quiet_trainer(Surroundings(), logger=logger, max_epochs=1).fit(recognizer, datamodule=orl_faces())
    first, second = read_starts(tmp_path / "mine" / "version_0")
    assert first["step"] == "0"
    assert first["devices"] == "1 x cpu, 32-true"
    assert first["command"].startswith("facerec")
    assert {"Python", "torch", "lightning", "processor", "git commit"} <= first.keys()
    assert second["begun"] >= first["begun"]


def test_a_file_of_something_else_is_none(tmp_path):
    for text in ("{", "[1]", '{"begun": "now"}'):
        (tmp_path / SURROUNDINGS).write_text(text)
        assert read_starts(tmp_path) == []
