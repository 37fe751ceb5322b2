"""What Lightning says beside facerec."""

import logging

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_info

from facerec.cli.notices import own_notices


def test_lightnings_trainer_is_silent_and_other_notices_are_not(caplog):
    caplog.set_level(logging.INFO)
    with own_notices():
        Trainer(accelerator="cpu", logger=False)
        rank_zero_info("data.num_workers: auto is 0")
    assert caplog.messages == ["data.num_workers: auto is 0"]


def test_lightnings_notices_are_back_afterwards(caplog):
    caplog.set_level(logging.INFO)
    with own_notices():
        pass
    Trainer(accelerator="cpu", logger=False)
    assert any("Tip" in message for message in caplog.messages)
