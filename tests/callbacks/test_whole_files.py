"""A checkpoint is there whole or not at all, wherever the folder for temporary files is, and on a full disk too."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from facerec.callbacks.whole_files import WholeFiles, keep_previous, remove_unfinished
from facerec.files import write_whole
from tests.cli.conftest import run
from tests.conftest import SMALL

CHECKPOINTS = Path("runs", "orl_resnet18_arcface", "version_0", "checkpoints")


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """A disk that is full after so many bytes of a file, for this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_error_and_the_old_file_survives(tmp_path):
    path = tmp_path / "last.ckpt"
    WholeFiles().save_checkpoint({"weight": torch.zeros(9)}, path)
    with files_up_to(20_000), pytest.raises(OSError, match=r"last\.ckpt could not be written: .*What was there before"):
        WholeFiles().save_checkpoint({"weight": torch.zeros(90_000)}, path)
    assert torch.load(path, weights_only=True)["weight"].shape == (9,)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_training_on_a_full_disk_ends_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with files_up_to(100_000):
        assert run("fit", *SMALL, "--dashboard.faces=false") == 2  # so that the first file too large is a checkpoint
    said = capsys.readouterr().err
    assert "could not be written: " in said
    assert "Traceback" not in said
    assert not list(CHECKPOINTS.iterdir())


def test_nothing_is_written_into_the_folder_for_temporary_files(tmp_path, monkeypatch):
    """It may lie on another disk, and a copy from there can end halfway."""
    monkeypatch.chdir(tmp_path)
    places = []
    save = torch.save
    monkeypatch.setattr(
        "torch.save", lambda content, file, *rest: (places.append(file.name), save(content, file, *rest))
    )
    assert run("fit", *SMALL) == 0
    assert places
    assert {Path(place).parent.resolve() for place in places} == {CHECKPOINTS.resolve()}


@pytest.mark.parametrize("has_links", [True, False])
def test_the_last_but_one_is_kept(has_links, tmp_path, monkeypatch):
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *names: (_ for _ in ()).throw(OSError("no links here")))
    last = tmp_path / "last.ckpt"
    for content in ("1", "2", "3"):
        keep_previous(last)
        write_whole(last, content)
    assert (last.read_text(), (tmp_path / "previous.ckpt").read_text()) == ("3", "2")
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_killed_process_left_is_removed(tmp_path):
    for name in (".last.00c0ffee.123.partial.ckpt", "last.ckpt", "best-epoch=001.ckpt"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"last.ckpt", "best-epoch=001.ckpt"}
