"""`facerec fit` on batches of people who are alike: once an epoch it is found out anew, also after a kill."""

import signal
from pathlib import Path

import pytest
import torch

from tests.cli.kill import Kill
from tests.cli.server import run_apart
from tests.cli.test_resume import assert_equal
from tests.conftest import SMALL

LAST = Path("runs", "orl_resnet18_arcface", "version_0", "checkpoints", "last.ckpt")
MINED = ["--data.batch_size=16", "--data.images_per_person=4", "--data.mine_among=12", "--checkpoint.every_n_steps=1"]
MINED += ["--trainer.check_val_every_n_epoch=3", "--trainer.limit_train_batches=3", "--trainer.log_every_n_steps=1"]
BY_WEIGHTS = ["--trainer.max_epochs=3"]
BY_EMBEDDINGS = ["--model.loss=Triplet", "--trainer.max_epochs=-1", "--trainer.max_steps=9"]


def last(folder: Path) -> dict:
    return torch.load(folder / LAST, weights_only=True)


@pytest.mark.parametrize(
    ("training", "moments"),
    [
        (BY_WEIGHTS, [("batch", 5), ("epoch_end", 1)]),
        (BY_EMBEDDINGS, [("epoch_end", 2), ("batch", 1)]),
    ],
    ids=["weights", "embeddings"],
)
def test_a_killed_training_ends_as_the_one_that_was_not(training, moments, tmp_path):
    """In mid-epoch the weights have moved on since the batches of that epoch were chosen."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    options = [*SMALL, *MINED, *training]
    for folder in (whole, killed):
        folder.mkdir()
    assert run_apart(whole, "fit", *options) == 0
    for number, moment in enumerate(moments):
        arguments = options if number == 0 else ["--ckpt_path", "last"]
        assert run_apart(killed, "fit", *arguments, callbacks=[Kill(*moment)]) == -signal.SIGKILL
    assert run_apart(killed, "fit", "--ckpt_path", "last") == 0
    for part in ("state_dict", "optimizer_states", "FaceDataModule"):
        assert_equal(last(killed)[part], last(whole)[part])
    mined = last(whole)["FaceDataModule"]
    assert mined["epoch"] == 2
    assert mined["directions"].shape == (24, 16)
    torch.testing.assert_close(mined["directions"].float().norm(dim=1), torch.ones(24), atol=2e-3, rtol=0)
