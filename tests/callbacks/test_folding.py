"""A trained network is measured folded, and is itself again afterwards."""

import pytest
import torch
from lightning.pytorch import Callback
from torch import nn

from facerec.callbacks import FoldedEvaluation, Verification
from tests.callbacks.conftest import orl_faces, quiet_trainer


class Spy(Callback):
    """Counts the normalisations of the network that embeds, and keeps what it gives."""

    def __init__(self, stop: bool = False) -> None:
        self.stop = stop
        self.norms: set[int] = set()
        self.embeddings: list[torch.Tensor] = []

    def on_test_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0):
        if self.stop:
            raise KeyError("stopped")
        self.norms.add(sum(isinstance(module, nn.BatchNorm2d) for module in pl_module.backbone.modules()))
        self.embeddings.append(outputs)

    def on_validation_batch_end(self, *args, **kwargs):
        self.on_test_batch_end(*args, **kwargs)


def measure(what, recognizer, *callbacks):
    trainer = quiet_trainer(*callbacks, Verification(), limit_test_batches=1)
    getattr(trainer, what)(recognizer, orl_faces(recognizer.preprocess.size), verbose=False)


@pytest.mark.parametrize("what", ["test", "validate"])
def test_folded_while_it_is_measured(recognizer, what):
    trained, keys = recognizer.backbone, list(recognizer.state_dict())
    folded, unfolded = Spy(), Spy()
    measure(what, recognizer, FoldedEvaluation(), folded)
    assert recognizer.backbone is trained
    assert list(recognizer.state_dict()) == keys
    measure(what, recognizer, unfolded)
    assert folded.norms == {0}
    assert unfolded.norms != {0}
    assert len(folded.embeddings) == len(unfolded.embeddings) > 0
    for one, other in zip(folded.embeddings, unfolded.embeddings, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_put_back_after_an_error(recognizer):
    trained = recognizer.backbone
    with pytest.raises(KeyError, match="stopped"):
        measure("test", recognizer, FoldedEvaluation(), Spy(stop=True))
    assert recognizer.backbone is trained


def test_training_is_left_alone(recognizer):
    spy = Spy()
    trainer = quiet_trainer(FoldedEvaluation(), spy, Verification(), limit_train_batches=1)
    trainer.fit(recognizer, orl_faces(recognizer.preprocess.size))
    assert spy.norms
    assert spy.norms != {0}
