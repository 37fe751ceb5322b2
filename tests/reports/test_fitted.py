"""The comparison at the width of a terminal: what stands in it, what is left out, and that it fits."""

import yaml

from facerec.reports import compare_runs, fitted_table, format_table
from facerec.reports.runs import Run
from facerec.settings import flatten
from tests.cli.test_experiments import EXPERIMENTS

PERSON = "5.00% - 25.00% by person"


def run_of(name: str, settings: dict, eer: float | None = 0.1, **results: float | str) -> Run:
    found = {"test EER": eer, "95% interval": PERSON, "parameters": 24_600_000, **results} if eer is not None else {}
    return Run(f"{name}/version_0", flatten(settings), found)


def classes(**classes: str) -> dict:
    """Settings of a model by the names of its classes."""
    return {"model": {part: {"class_path": f"facerec.{part}.{name}"} for part, name in classes.items()}}


def lines(runs: list[Run]) -> list[str]:
    return format_table(fitted_table(runs).rows).splitlines()


def test_experiments_that_share_almost_nothing_fit_120_columns():
    """Other data, backbones, losses, augmentations and schedules: what a folder of real runs holds."""
    runs = [
        run_of(
            path.stem, yaml.safe_load(path.read_text()), 0.01 * place, **{"validation EER": 0.1, "dev accuracy": 0.9}
        )
        for place, path in enumerate(EXPERIMENTS)
    ]
    runs += [run._replace(settings=run.settings | {"data.root": f"/a/long/way/to/{run.name}"}) for run in runs]
    assert len(format_table(compare_runs(runs)).splitlines()[0]) > 400, "nothing to fit"
    table = fitted_table(runs)
    assert max(map(len, format_table(table.rows).splitlines())) <= 120
    assert len(table.rows) == len(runs) + 1
    heading = table.rows[0]
    assert heading[:4] == ["run", "test EER (by person)", "val EER", "dev acc."]
    assert {"data", "backbone", "loss"} <= set(heading)
    assert [note for note in table.notes if "more columns: see --all" in note]


def test_the_results_come_first_with_the_interval_beside_its_rate():
    rows = fitted_table([run_of("a", {"x": 1}, 0.1), run_of("b", {"x": 2}, 0.05)]).rows
    assert rows == [
        ["run", "test EER (by person)", "params", "x"],
        ["b/version_0", "5.00% (5.00-25.00)", "24.60M", "2"],
        ["a/version_0", "10.00% (5.00-25.00)", "24.60M", "1"],
    ]
    mixed = [run_of("a", {"x": 1}), run_of("b", {"x": 2}, 0.2, **{"95% interval": "1.00% - 2.00% by pair"})]
    column = [row[1] for row in fitted_table(mixed).rows]
    assert column == ["test EER", "10.00% (5.00-25.00 by person)", "20.00% (1.00-2.00 by pair)"]


def test_a_class_is_one_column_and_a_setting_of_it_one_only_among_runs_of_that_class():
    arcface, cosface = classes(loss="ArcFace"), classes(loss="CosFace")
    arcface["model"]["loss"]["init_args"] = {"scale": 64.0, "angular_margin": 0.5}
    cosface["model"]["loss"]["init_args"] = {"scale": 64.0, "cosine_margin": 0.35}
    both = fitted_table([run_of("a", arcface), run_of("c", cosface)])
    assert both.rows[0] == ["run", "test EER (by person)", "loss", "params"]
    assert [row[2] for row in both.rows[1:]] == ["ArcFace", "CosFace"]
    assert both.notes == ["2 more columns: see --all"]  # the two margins
    softer = yaml.safe_load(yaml.safe_dump(arcface))
    softer["model"]["loss"]["init_args"]["scale"] = 16.0
    three = fitted_table([run_of("a", arcface), run_of("b", softer), run_of("c", cosface)])
    assert three.rows[0][-1] == "scale"
    assert [row[-1] for row in three.rows[1:]] == ["64", "16", "64"]


def test_data_are_one_column_whatever_they_are_made_of():
    orl = {"data": {"train": {"class_path": "facerec.data.ORLImages", "init_args": {"part": "train"}}}}
    pairs = {"orl": {"class_path": "facerec.data.ORLPairs", "init_args": {"part": "val"}}}
    folder = {"data": {"root": "/data/people/", "train": None}}
    runs = [run_of("a", orl), run_of("b", {"data": orl["data"] | {"val_pairs": pairs}}), run_of("c", folder)]
    rows = fitted_table([runs[0], runs[2]]).rows
    assert rows[0] == ["run", "test EER (by person)", "data", "params"]
    assert [row[2] for row in rows[1:]] == ["ORLImages", "people"]
    assert fitted_table(runs).rows[0][4:] == ["orl.class_path", "part"]  # in which a and b differ


def test_long_values_keep_what_tells_them_apart():
    long = [f"a very long name of an experiment, number {place}" for place in (1, 2)]
    runs = [run_of(name, {"note": f"{name} and its {place} end"}) for place, name in enumerate(long)]
    rows = fitted_table(runs).rows
    assert [row[0][-11:] for row in rows[1:]] == ["1/version_0", "2/version_0"]
    assert max(len(cell) for row in rows for cell in row) <= 34
    assert len({row[-1] for row in rows[1:]}) == 2
    assert all("…" in row[-1] for row in rows[1:])


def test_runs_without_a_result_are_counted():
    table = fitted_table([run_of("a", {"x": 1}), run_of("b", {"x": 2}, None), run_of("c", {"x": 3}, None)])
    assert [row[0] for row in table.rows] == ["run", "a/version_0"]
    assert table.notes == ["2 runs have no result yet: see --all"]
    assert fitted_table([run_of("b", {"x": 2}, None)]).rows == []


def test_runs_that_differ_in_seed_or_fold_alone_are_one_row():
    def repeat(seed: int, fold: int, eer: float | None, depth: int = 18, **results: float) -> Run:
        orl = {"test_pairs": {"orl": {"class_path": "facerec.data.ORLPairs", "init_args": {"fold": fold}}}}
        settings = {"seed_everything": seed, "data": orl, "model": {"depth": depth}}
        return run_of(f"orl_fold{fold}_seed{seed}", settings, eer, **results)

    runs = [repeat(0, 3, 0.10), repeat(1, 3, 0.14), repeat(1, 4, 0.12), repeat(0, 3, 0.05, depth=34)]
    table = fitted_table(runs)
    assert table.rows == [
        ["run", "runs", "test EER (by person)", "params", "seed_everything", "fold", "depth"],
        ["orl_fold3_seed0/version_0", "1", "5.00% (5.00-25.00)", "24.60M", "0", "3", "34"],
        ["orl_fold", "3", "12.00% ± 2.00", "24.60M", "0, 1", "3, 4", "18"],
    ]
    assert table.notes == ["± is the standard deviation of runs that differ in seed or fold alone: --all shows each"]
    again = fitted_table([*runs, repeat(0, 3, 0.3)])
    assert len(again.rows) == 4, "the same seed and fold again is no repeat"
    assert len(compare_runs(runs)) == 5, "single runs"


def test_without_a_test_the_deviation_is_of_the_validation():
    runs = [
        Run(f"a/version_{seed}", {"seed_everything": seed}, {"validation EER": rate})
        for seed, rate in ((0, 0.1), (1, 0.2))
    ]
    assert fitted_table(runs).rows == [["run", "runs", "val EER"], ["a", "2", "15.00% ± 7.07"]]
