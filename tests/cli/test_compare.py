"""`facerec compare`: the table of runs, printed and written."""

import csv
import re
import shutil

from tests.cli.conftest import assert_refused, best_file, run


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


def test_paired_compares_two_tested_runs_of_real_faces(run_copy, capsys) -> None:
    other = run_copy.with_name("version_1")
    shutil.copytree(run_copy, other)
    assert run("test", "--ckpt_path", best_file(run_copy)) == 0
    capsys.readouterr()
    assert_refused(
        f"{other} has no test: `facerec test --ckpt_path {other}` measures it", capsys, *paired(run_copy, other)
    )
    assert run("test", "--ckpt_path", best_file(other), "--model.flip_test", "concatenate") == 0
    capsys.readouterr()
    assert run(*paired(run_copy, other)) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"A  {run_copy}\nB  {other}\n\norl: 450 genuine and 4,500 impostor pairs, one run of each."
    )
    assert "Intervals by person: the same of 10 people are drawn for both." in printed
    for name in ("EER", "TAR at FAR 0.1 ", "TAR at FAR 0.01"):
        assert re.search(rf"{name} +[\d.]+% +[\d.]+% +[+-][\d.]+% +[+-][\d.]+% to [+-][\d.]+%\n", printed)
    assert re.search(r"By the EER: (A is better|B is better|not distinguishable) on these 10 people", printed)
    # Scores of other views than the checkpoint's have no stored threshold.
    assert f"No McNemar's test: no threshold of these scores is stored for {other}." in printed
    assert max(map(len, printed.splitlines())) <= 120


def paired(first: object, second: object) -> tuple[object, ...]:
    return "compare", "--paired", first, second


def test_a_table_and_a_pair_are_two_commands(tmp_path, capsys) -> None:
    assert_refused("name runs for a table, or two for --paired A B", capsys, "compare")
    assert_refused("name runs for a table, or two for --paired A B", capsys, "compare", "runs", "--paired", "a", "b")
    assert_refused("--csv is of the table of runs", capsys, *paired("a", "b"), "--csv", tmp_path / "t.csv")
    assert_refused("no folder missing", capsys, *paired("missing", "b"))
