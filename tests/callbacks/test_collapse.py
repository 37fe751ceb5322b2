"""A network that puts all faces onto one direction is told of at the validation; any other is not."""

import torch

from facerec.recognizer import FaceRecognizer
from tests.cli.conftest import run
from tests.conftest import SMALL


def collapses(recwarn) -> list[str]:
    return [str(warning.message) for warning in recwarn if "collapsed onto one direction" in str(warning.message)]


def test_a_collapsed_network_is_told_of_once(tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    forward = FaceRecognizer.forward
    monkeypatch.setattr(FaceRecognizer, "forward", lambda self, *images: forward(self, *images) * 1e-4 + torch.ones(16))
    assert run("fit", *SMALL) == 0
    assert not [warning for warning in recwarn if "the same embedding" in str(warning.message)]
    [told] = collapses(recwarn)
    assert "step 6: all scores of 'orl' are alike" in told


def test_a_network_at_its_beginning_is_not_collapsed(tmp_path, monkeypatch, recwarn):
    monkeypatch.chdir(tmp_path)
    assert run("fit", *SMALL, "--trainer.max_epochs=1", "--model.optimizer.init_args.lr=1e-9") == 0
    assert collapses(recwarn) == []
