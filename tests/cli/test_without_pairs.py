"""Training and measuring where nobody is kept apart: no pairs, and perhaps no dev images."""

from pathlib import Path

import pytest
import torch

from facerec.checkpoints import read_card
from tests.cli.conftest import events, run
from tests.conftest import SMALL, face

RUN = Path("runs", "orl_resnet18_arcface", "version_0")


@pytest.fixture
def root(vggface_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Training and dev images of four people, and no pairs; the working directory is above."""
    for name in ("val_pairs.txt", "test_pairs.txt"):
        (vggface_root / name).unlink()
    monkeypatch.chdir(vggface_root.parent)
    return vggface_root


def fit(root: Path, *options: str) -> int:
    return run("fit", *SMALL, "--data.batch_size=8", "--checkpoint.candidates_after=0", "--data.root", root, *options)


def best() -> Path:
    return next((RUN / "checkpoints").glob("best-*.ckpt"))


def test_dev_accuracy_chooses_the_checkpoint_and_a_warning_says_what_is_not_measured(root, capsys):
    with pytest.warns(UserWarning, match="no validation pairs: .* people it has never seen is not measured"):
        assert fit(root, "--trainer.max_epochs=12", "--model.loss=Softmax", "--model.schedule.warmup=0") == 0
    assert "facerec embed FOLDER --output embeddings.npz --ckpt_path" in capsys.readouterr().out  # verify would refuse
    accuracies = [event.value for event in events(RUN).Scalars("val/accuracy")]
    assert len(set(accuracies)) > 1, f"nothing to choose between: {accuracies}"
    assert best().name == f"best-epoch={accuracies.index(max(accuracies)):03d}.ckpt"
    card = read_card(best())
    assert (card.chosen_by, card.calibration) == ("val/accuracy", None)

    for command, folder in (("validate", "val"), ("test", "test")):
        with pytest.warns(UserWarning, match=f"no {folder} pairs: dev accuracy on the training people is all"):
            assert run(command, "--ckpt_path", best()) == 0
        assert f"dev accuracy (training people, other images): {max(accuracies):.2%}" in capsys.readouterr().out
        assert (RUN / folder / "metrics.json").is_file()
    assert run("validate", "--ckpt_path", best(), "--verification.store", "true") == 2
    assert "--verification.store needs validation pairs" in capsys.readouterr().err
    assert run("verify", face(1, 1), face(1, 2), "--ckpt_path", best()) == 2
    assert "no calibrated threshold: no validation pairs gave these weights one" in capsys.readouterr().err


def test_a_loss_without_class_weights_is_chosen_by_class_means(root):
    pairs = ("--model.loss=Triplet", "--data.images_per_person=2")
    with pytest.warns(UserWarning, match="no validation pairs: the checkpoint is chosen by dev accuracy"):
        assert fit(root, *pairs) == 0
    assert read_card(best()).chosen_by == "val/accuracy_nearest_mean"


def test_without_dev_images_too_the_last_epoch_is_kept(root, capsys):
    (root / "dev").rename(root / "other")
    with pytest.warns(UserWarning, match=r"no validation pairs and no dev images: .* last.ckpt alone is saved"):
        assert fit(root) == 0
    assert {path.name for path in (RUN / "checkpoints").iterdir()} == {"last.ckpt", "previous.ckpt"}
    assert "best epoch  none: there are neither validation pairs nor dev images" in capsys.readouterr().out
    last = RUN / "checkpoints" / "last.ckpt"
    assert read_card(last).chosen_by == "last"
    assert torch.load(last, weights_only=True)["epoch"] == 1
    for command in ("validate", "test"):
        assert run(command, "--ckpt_path", last) == 2
        assert "nothing to measure" in capsys.readouterr().err


def test_pairs_choose_as_ever(vggface_root, monkeypatch, recwarn):
    monkeypatch.chdir(vggface_root.parent)
    assert fit(vggface_root) == 0
    card = read_card(best())
    assert card.chosen_by == "val/eer"
    assert card.calibration is not None
    assert not [warning for warning in recwarn if "no validation pairs" in str(warning.message)]
