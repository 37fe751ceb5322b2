"""A journal that was cut anywhere still has the entries before the cut, and takes new ones."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facerec.journal import Journal

ENTRIES = [("a", 1.5), ("ä\udcff\n", [None, 7]), ("", {"x": "]\\"}), (3, [[]])]


def entries_of(path, subject="s"):
    with Journal(path, subject) as journal:
        return journal.entries


def test_entries_come_back_in_order(tmp_path):
    path = tmp_path / "new" / "folder" / "j"
    for number, entry in enumerate(ENTRIES):
        with Journal(path, "s") as journal:
            assert journal.entries == ENTRIES[:number]
            journal.add(*entry)
    assert entries_of(path) == ENTRIES


@pytest.mark.parametrize("cut_short", [False, True])
def test_wherever_it_is_cut(tmp_path, cut_short):
    """Every length of the file: after a kill the rest is missing, or something else followed (``cut_short``)."""
    path = tmp_path / "j"
    with Journal(path, "s") as journal:
        for entry in ENTRIES:
            journal.add(*entry)
    whole = path.read_bytes()
    seen = set()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length] + (b"\n[1" if cut_short else b""))
        before = entries_of(path)
        assert before == ENTRIES[: len(before)]
        assert len(before) >= whole[:length].count(b"\n") - 1
        with Journal(path, "s") as journal:
            journal.add("later")
        assert entries_of(path) == [*before, ("later",)]
        seen.add(len(before))
    assert seen == set(range(len(ENTRIES) + 1))


@given(st.binary(max_size=60))
def test_bytes_of_any_kind_in_between_harm_no_entry(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("noise") / "j"
    with Journal(path, "s") as journal:
        journal.add("first")
    with path.open("ab") as file:
        file.write(noise + b"\n")
    with Journal(path, "s") as journal:
        journal.add("last")
    found = entries_of(path)
    assert (found[0], found[-1]) == (("first",), ("last",))


@pytest.mark.parametrize(
    "content", ["", "\n", '["a", 1]\n', '{"facerec inspect journal": 1}\n["a", 1]\n', "\0" * 100, "{", "[1]\n[2]"]
)
def test_what_is_no_journal_is_begun_anew(tmp_path, content):
    (tmp_path / "j").write_text(content)
    assert entries_of(tmp_path / "j") == []
    with Journal(tmp_path / "j", "s") as journal:
        journal.add("a")
    assert entries_of(tmp_path / "j") == [("a",)]


def test_another_subject_begins_anew(tmp_path):
    with Journal(tmp_path / "j", "these images") as journal:
        journal.add("a", 1)
    assert entries_of(tmp_path / "j", "other images") == []
    assert entries_of(tmp_path / "j", "these images") == []


def test_only_the_first_are_kept(tmp_path):
    path = tmp_path / "j"
    with Journal(path, "s") as journal:
        for number in range(5):
            journal.add(number)
        journal.keep(5)
        journal.keep(2)
        assert journal.entries == entries_of(path) == [(0,), (1,)]
        journal.add("new")
    assert entries_of(path) == [(0,), (1,), ("new",)]
    assert os.listdir(tmp_path) == ["j"]


def test_a_journal_whose_work_is_done_goes(tmp_path):
    with Journal(tmp_path / "j", "s") as journal:
        journal.add(1)
        journal.remove()
    assert not os.listdir(tmp_path)


def test_a_kill_loses_no_entry(tmp_path):
    """Nothing is flushed or closed: the process is gone between two entries."""
    program = (
        "import os, signal, sys; from pathlib import Path; from facerec.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), 's')\n"
        "for number in range(100): journal.add(number, 'x' * 100)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "j")])
    assert done.returncode == -signal.SIGKILL
    assert [number for number, _ in entries_of(tmp_path / "j")] == list(range(100))
