"""A network remembers how its training images were aligned, and testing it on others warns."""

import warnings

import pytest
import torch

from facerec.align import Alignment
from facerec.align.record import RECORD_FILE, difference, record_text
from facerec.cli import main
from tests.conftest import SMALL

YUNET = Alignment("yunet", "yuface 1", "112x112")


def note(root, alignment):
    (root / RECORD_FILE).write_text(record_text(alignment))


def warned(arguments):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        main(arguments)
    return [str(warning.message) for warning in caught if "were aligned by" in str(warning.message)]


def test_the_checkpoint_remembers(vggface_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    note(vggface_root, YUNET)
    small = [*SMALL, "--trainer.max_epochs=1", "--data.batch_size=8", f"--data.root={vggface_root}"]
    assert warned(["fit", *small]) == []
    checkpoint = next((tmp_path / "runs").rglob("last.ckpt"))
    remembered = torch.load(checkpoint, weights_only=True)["facerec"]["alignment"]
    assert Alignment.from_dict(remembered) == YUNET

    evaluation = [f"--ckpt_path={checkpoint}", f"--data.root={vggface_root}"]
    assert warned(["test", *evaluation]) == []
    note(vggface_root, Alignment("mtcnn", "facenet-pytorch 2.6.0", "112x112"))
    (said,) = warned(["test", *evaluation])
    assert "aligned by yunet (yuface 1) to 112x112, the images of the test pairs 'pairs' by mtcnn (" in said
    (vggface_root / RECORD_FILE).unlink()
    (said,) = warned(["validate", *evaluation])
    assert "nothing says how the images of the val pairs 'pairs' were" in said
    assert "facerec align SRC DST --detector yunet --template 112x112" in said


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (YUNET, False),
        (Alignment("yunet", "yuface 1", "112x112", "central", 0.9), False),
        (Alignment("yunet", "", "112x112"), False),
        (Alignment("yunet", "yuface 2", "112x112"), True),
        (Alignment("yunet", "yuface 1", "96x112"), True),
        (Alignment("unknown", "points of list.txt", "112x112"), True),
        (None, True),
    ],
)
def test_what_counts_as_other(other, expected):
    assert bool(difference(YUNET, other, "the rest")) == expected
