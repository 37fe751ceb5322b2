"""What a user reads when a command fails."""

import os
import signal
import sys
import threading
import warnings
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import facerec
from facerec.cli.messages import with_messages
from facerec.data import UnreadableImageError


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ValueError("no such thing"), 2, "facerec test: no such thing\n(FACEREC_TRACEBACK=1 shows where)"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (KeyError("weight"), 2, "facerec test: KeyError: 'weight'"),
        (KeyboardInterrupt(), 130, "facerec test: interrupted; the same command goes on from here"),
        (BrokenPipeError(), 2, ""),
        (RuntimeError("[gloo/pair.cc:561] Connection closed by peer [127.0.0.1]:1"), 2, "another process of this trai"),
        (RuntimeError("ncclRemoteError: A call failed possibly due to a network error"), 2, "its own message says why"),
    ],
)
def test_an_error_is_a_line_and_a_status(error, status, told, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout", sys.stdout)  # put back what a broken pipe replaces

    def command():
        raise error

    assert with_messages(command, "facerec test", resumes=True) == status
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert bool(said) == bool(told)
    monkeypatch.setenv("FACEREC_TRACEBACK", "1")
    if isinstance(error, (ValueError, KeyError)):
        with pytest.raises(type(error)):
            with_messages(command, "facerec test")


def test_a_command_that_does_not_resume_promises_nothing(capsys):
    def command():
        raise KeyboardInterrupt

    assert with_messages(command, "facerec fit") == 130
    assert capsys.readouterr().err == "\nfacerec fit: interrupted\n"


@pytest.mark.parametrize("error", [ValueError("no such thing"), KeyError("weight")])
def test_only_a_mistake_in_the_code_shows_where_it_is(error, capsys):
    def command():
        raise error

    assert with_messages(command, "facerec fit", traces_mistakes=True) == 2
    said = capsys.readouterr().err
    assert ("Traceback" in said and "in command" in said) == isinstance(error, KeyError)
    assert str(error) in said


def test_a_status_is_handed_on():
    assert [with_messages(lambda status=status: status, "facerec verify") for status in (0, 1)] == [0, 1]


@pytest.fixture
def printed(monkeypatch, capsys):
    """What a command prints with a warning; pytest would take it away."""

    def show(message, category, filename, lineno, file=None, line=None):
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    monkeypatch.setattr(warnings, "showwarning", show)

    def of(warn) -> str:
        assert with_messages(lambda: warn() or 0, "facerec fit") == 0
        return capsys.readouterr().err

    return of


def test_a_warning_is_one_line_without_the_code_that_gave_it(printed):
    settings = Path(facerec.__file__).parent / "settings.py"
    said = printed(lambda: warnings.warn_explicit("data.root is empty", UserWarning, str(settings), 7))
    assert said == "warning: data.root is empty\n"


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/home/facerec/lib/site-packages/torch/nn/init.py", "torch/nn/init.py"),
        ("/home/own/augment.py", "home/own/augment.py"),
    ],
)
def test_a_warning_of_another_package_says_where(file, shown, printed):
    said = printed(lambda: warnings.warn_explicit("old", FutureWarning, file, 7))
    assert said == f"warning: old ({shown}:7)\n"


def test_every_warning_says_where_on_request(printed, monkeypatch):
    monkeypatch.setenv("FACEREC_TRACEBACK", "1")
    said = printed(lambda: warnings.warn_explicit("empty", UserWarning, str(Path(facerec.__file__)), 7))
    assert said.endswith("facerec/__init__.py:7)\n")


def test_warnings_look_as_before_after_the_command(capsys):
    before = warnings.formatwarning
    with_messages(lambda: 0, "facerec fit")
    assert warnings.formatwarning is before


class Failing(Dataset):
    """Images of which the second fails."""

    def __init__(self, failure):
        self.failure = failure

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.failure() if index == 1 else index


def gone():
    raise FileNotFoundError("no image at faces/2.jpg")


def broken():
    raise UnreadableImageError("faces/2.jpg does not decode as an image: it is empty")


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (gone, "facerec fit: no image at faces/2.jpg\n(FACEREC_TRACEBACK=1 shows where)\n"),
        (broken, "facerec fit: faces/2.jpg does not decode as an image: it is empty\n(FACEREC_"),
        (killed, ". The system may have ended it for lack of memory: try a smaller data.num_workers"),
    ],
)
def test_what_happens_in_a_worker_is_a_line_too(failure, told, capsys, monkeypatch):
    def command():
        list(DataLoader(Failing(failure), num_workers=1))

    assert with_messages(command, "facerec fit", traces_mistakes=True) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback (" not in said
    monkeypatch.setenv("FACEREC_TRACEBACK", "1")
    with pytest.raises((RuntimeError, OSError, ValueError)):
        with_messages(command, "facerec fit")


def test_a_thread_of_a_library_fails_in_a_line_too(capsys):
    def fail():
        raise OSError(28, "No space left on device")

    def command():
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        return 0

    hook = threading.excepthook
    assert with_messages(command, "facerec test") == 0
    assert threading.excepthook is hook
    assert capsys.readouterr().err == "facerec test: a file could not be written: No space left on device\n"


def test_too_little_memory_is_no_mistake_in_the_code(capsys):
    def command():
        torch.empty(2**50)

    assert with_messages(command, "facerec fit", traces_mistakes=True) == 2
    said = capsys.readouterr().err
    assert said.startswith("facerec fit: out of memory: ")
    assert "smaller batch size" in said
    assert "Traceback" not in said
