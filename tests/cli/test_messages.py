"""What a user reads when a command fails."""

import sys

import pytest

from facerec.cli.messages import with_messages


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (ValueError("no such thing"), 2, "facerec test: no such thing\n(FACEREC_TRACEBACK=1 shows where)"),
        (OSError(28, "No space left on device"), 2, "No space left on device"),
        (KeyError("weight"), 2, "facerec test: KeyError: 'weight'"),
        (KeyboardInterrupt(), 130, "facerec test: interrupted; the same command goes on from here"),
        (BrokenPipeError(), 2, ""),
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
