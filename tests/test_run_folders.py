"""Which checkpoint a folder means: the best one, whatever the number of the run."""

import shutil

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.demos.boring_classes import BoringModel

from facerec.callbacks.checkpoint import BestCheckpoint
from facerec.run_folders import best_checkpoint, find_checkpoint, last_checkpoint


class Measured(BoringModel):
    """Gives these rates, epoch by epoch."""

    rates = (0.3, 0.1, 0.2)

    def on_validation_epoch_end(self):
        self.log("val/eer", self.rates[self.current_epoch])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that keeps its two best epochs: the second one, which is the best, and the third."""
    run = tmp_path_factory.mktemp("trained") / "mine" / "version_0"
    checkpoint = BestCheckpoint(save_top_k=2)
    checkpoint.dirpath = str(run / "checkpoints")
    Trainer(
        max_epochs=3,
        limit_train_batches=1,
        limit_val_batches=1,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[checkpoint],
    ).fit(Measured())
    return run


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "mine" / "version_0")


def another(run, name, *files):
    """Another run of the experiment, which keeps some of the files."""
    for file in files:
        target = run.with_name(name) / "checkpoints" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run / "checkpoints" / file, target)
    return run.with_name(name)


def test_of_several_the_best_one_is_taken(run):
    assert sorted(file.name for file in (run / "checkpoints").iterdir()) == [
        "best-epoch=001.ckpt",
        "best-epoch=002.ckpt",
        "last.ckpt",
        "previous.ckpt",
    ]
    best = run / "checkpoints" / "best-epoch=001.ckpt"
    for folder in (run, run.parent, run / "checkpoints", f"{run}/"):
        assert find_checkpoint(folder) == best
        assert find_checkpoint(folder, resume=True) == best.with_name("last.ckpt")
    best.unlink()
    assert find_checkpoint(run).name == "best-epoch=002.ckpt"


def test_of_damaged_ones_a_warning_names_them(run):
    (run / "checkpoints" / "best-epoch=001.ckpt").write_bytes(b"cut off")
    with pytest.warns(UserWarning, match=r"best-epoch=001.ckpt does not load"):
        assert best_checkpoint(run).name == "best-epoch=002.ckpt"


def test_an_experiment_means_its_newest_run_that_has_one(run):
    tenth = another(run, "version_10", "best-epoch=002.ckpt")
    another(run, "version_9", "best-epoch=002.ckpt", "last.ckpt")
    another(run, "version_11", "last.ckpt")
    another(run, "final", "best-epoch=001.ckpt")  # renamed: only by its own name
    assert find_checkpoint(run.parent) == tenth / "checkpoints" / "best-epoch=002.ckpt"
    assert find_checkpoint(run.parent, resume=True).parts[-3] == "version_11"
    assert find_checkpoint(run.with_name("final")).parts[-3] == "final"


def test_a_file_is_taken_as_it_is(run, tmp_path):
    assert find_checkpoint(run / "checkpoints" / "last.ckpt") == run / "checkpoints" / "last.ckpt"
    assert find_checkpoint(tmp_path / "missing.ckpt") == tmp_path / "missing.ckpt"


def test_a_run_that_was_never_validated_points_to_its_last_epoch(run):
    shutil.rmtree(another(run, "version_1", "last.ckpt").with_name("version_0"))
    with pytest.raises(FileNotFoundError, match=r"version_1 has no best .* give .*version_1.checkpoints.last\.ckpt"):
        find_checkpoint(run.parent)


def test_a_run_without_any_checkpoint(tmp_path):
    run = tmp_path / "mine" / "version_0"
    (run / "checkpoints").mkdir(parents=True)
    assert best_checkpoint(run) is last_checkpoint(run) is None
    with pytest.raises(FileNotFoundError, match=r"version_0 has no checkpoints/best-\*\.ckpt: .* Train again"):
        find_checkpoint(run)
    with pytest.raises(FileNotFoundError, match=r"no run in .*mine has checkpoints/last\.ckpt"):
        find_checkpoint(run.parent, resume=True)


def test_a_folder_that_is_no_run(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds experiments, not runs: name one of them, .*mine"):
        find_checkpoint(tmp_path)
    (tmp_path / "photos").mkdir()
    with pytest.raises(FileNotFoundError, match=r"photos holds no run of `facerec fit`: give runs/NAME"):
        find_checkpoint(tmp_path / "photos")
