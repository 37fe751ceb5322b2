"""`facerec compare`: the table of runs, printed and written."""

import csv
import re
import shutil

from tests.cli.conftest import assert_refused, run


def test_compare_prints_and_writes_the_table(orl_run, tmp_path, capsys) -> None:
    assert run("compare", orl_run.parent, "--csv", tmp_path / "t.csv", "--markdown", tmp_path / "t.md") == 0
    assert re.search(r"orl_resnet18_arcface/version_0 +[\d.]+%", capsys.readouterr().out)
    assert next(csv.reader((tmp_path / "t.csv").open()))[:2] == ["run", "test EER"]
    assert (tmp_path / "t.md").read_text().startswith("| run | test EER |")


def test_runs_without_a_result_are_counted_and_all_lists_them(orl_run, tmp_path, capsys) -> None:
    stopped = tmp_path / "stopped" / "version_0"
    stopped.mkdir(parents=True)
    shutil.copy(orl_run / "config.yaml", stopped)
    assert run("compare", tmp_path, orl_run, "--csv", tmp_path / "t.csv") == 0
    printed = capsys.readouterr().out
    assert "1 run has no result yet: see --all" in printed
    assert "stopped/version_0" not in printed
    assert "stopped/version_0" in (tmp_path / "t.csv").read_text()
    assert run("compare", tmp_path, orl_run, "--all") == 0
    assert "stopped/version_0" in capsys.readouterr().out
    assert run("compare", tmp_path) == 0
    assert capsys.readouterr().out == "1 run has no result yet: see --all\n"


def test_a_folder_without_runs_is_an_error(tmp_path, capsys) -> None:
    assert_refused("no run in", capsys, "compare", tmp_path)
    assert_refused("no folder none", capsys, "compare", "none")
