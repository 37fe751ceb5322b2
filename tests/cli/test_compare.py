"""`facerec compare`: the table of runs, printed and written."""

import csv
import re

from tests.cli.conftest import assert_refused, run


def test_compare_prints_and_writes_the_table(orl_run, tmp_path, capsys) -> None:
    assert run("compare", orl_run.parent, "--csv", tmp_path / "t.csv", "--markdown", tmp_path / "t.md") == 0
    assert re.search(r"orl_resnet18_arcface/version_0 +[\d.]+%", capsys.readouterr().out)
    assert next(csv.reader((tmp_path / "t.csv").open()))[:2] == ["run", "dev accuracy"]
    assert (tmp_path / "t.md").read_text().startswith("| run | dev accuracy |")


def test_a_folder_without_runs_is_an_error(tmp_path, capsys) -> None:
    assert_refused("no run in", capsys, "compare", tmp_path)
    assert_refused("no folder none", capsys, "compare", "none")
