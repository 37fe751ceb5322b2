"""The line about the network holds what the network has."""

import logging

from facerec.backbones.cost import multiply_adds
from facerec.callbacks import ModelFacts
from tests.callbacks.conftest import orl_faces, quiet_trainer


def test_size_and_cost_are_those_of_the_network_that_is_trained(recognizer, caplog):
    caplog.set_level(logging.INFO)
    quiet_trainer(ModelFacts(), max_steps=1, accelerator="cpu", limit_val_batches=0).fit(
        recognizer, datamodule=orl_faces()
    )
    [line] = [message for message in caplog.messages if "multiply-adds" in message]
    parameters = sum(weight.numel() for weight in recognizer.backbone.parameters())
    cost = multiply_adds(recognizer.backbone, (32, 32))
    assert line == (
        f"ResNet: {parameters / 1e3:.1f} K parameters, {cost / 1e3:.0f} K multiply-adds at 32x32; "
        "ArcFace: 384 parameters; on cpu, 32-true"
    )
