"""How often test people were looked at: counted beside the run, said by test and compare."""

import json
from pathlib import Path

import pytest

from facerec.reports import find_runs, fitted_table, read_run
from facerec.reports.looks import LOOKS, count_look, looks_line, looks_of
from tests.cli.conftest import run


def test_every_set_of_pairs_counts_by_itself_whatever_its_name(tmp_path):
    run = tmp_path / "mine" / "version_0"
    count_look(run, {"orl": "a"})
    count_look(run, {"renamed": "a", "orl": "b"})
    assert looks_of(run) == {"renamed": 2, "orl": 1}
    assert looks_line(run, {"any": "a"}) == "test people looked at by this run: any 2 times"


def test_runs_of_an_experiment_count_together(tmp_path):
    for version in (0, 1, 1):
        count_look(tmp_path / "mine" / f"version_{version}", {"orl": "a"})
    said = looks_line(tmp_path / "mine" / "version_0", {"orl": "a"})
    assert said == "test people looked at by this run: orl once, 3 times by the 2 runs of mine"


def test_a_damaged_count_is_an_error(tmp_path):
    (tmp_path / LOOKS).write_text(json.dumps({"sets": {"a": 3}}))
    with pytest.raises(ValueError, match=r"test_looks\.json is damaged"):
        looks_of(tmp_path)


def test_test_counts_and_says_so_and_compare_too(run_copy: Path, capsys):
    for said in ("orl once", "orl 2 times"):
        assert run("test", "--ckpt_path", run_copy) == 0
        assert f"test people looked at by this run: {said}\n" in capsys.readouterr().out
    assert run("validate", "--ckpt_path", run_copy) == 0
    assert "looked at" not in capsys.readouterr().out
    runs = [read_run(folder) for folder in find_runs([str(run_copy)])]
    assert "looks at test people: 2, by 1 of these runs" in fitted_table(runs).notes
