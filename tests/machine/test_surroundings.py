"""Versions and the state of the code, from a real repository."""

import subprocess

from facerec import __version__
from facerec.machine import Machine
from facerec.machine.surroundings import code_state, surroundings


def git(folder, *arguments):
    identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_and_what_was_changed_since(tmp_path):
    assert code_state(tmp_path) == "none: the code is in no git repository"
    git(tmp_path, "init", "-q")
    assert code_state(tmp_path).startswith("none")  # nothing is committed yet
    (tmp_path / "code.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert code_state(tmp_path) == commit
    (tmp_path / "results.txt").write_text("an untracked file is no change of the code")
    assert code_state(tmp_path) == commit
    (tmp_path / "code.py").write_text("2")
    assert code_state(tmp_path) == f"{commit}, with changes that are not committed"


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert surroundings(Machine())["git commit"].startswith("none")
    assert surroundings(Machine())["facerec"] == __version__
