"""`facerec sweep` with real trainings, and what it says of files and settings that cannot be used."""

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from facerec.cli.configuration import check_settings
from facerec.cli.training import DEFAULT_CONFIG
from facerec.reports import find_runs, fitted_table, read_run
from facerec.sweeps.space import grid
from facerec.sweeps.study import Study
from tests.cli.conftest import assert_refused, run

SMALL = {
    "trainer.max_epochs": 1,
    "trainer.precision": "32-true",
    "trainer.check_val_every_n_epoch": 1,
    "model.image_size": [32, 32],
    "model.backbone.init_args.width": 4,
    "model.backbone.init_args.embedding_dim": 16,
}
SCALE = "model.loss.init_args.scale"
EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SWEEPS = sorted(
    [
        *EXPERIMENTS.glob("sweeps/*.yaml"),
        *(path for path in EXPERIMENTS.glob("studies/*.yaml") if "\nsearch:" in path.read_text()),
    ]
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(here: Path, **entries: object) -> str:
    given = {"search": {SCALE: [16, 32]}, "budget": SMALL, "repeat": {"folds": 2}} | entries
    (here / "small.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    return "small.yaml"


def test_a_plan_makes_nothing(here, capsys):
    assert run("sweep", write(here, repeat={"seeds": 3, "folds": 2}), "--plan") == 0
    said = capsys.readouterr().out
    assert "grid: 2 trials x 6 repeats (3 seeds x 2 folds of people) = 12 trainings, 12 to go" in said
    assert re.search(r"time: about \d+ \w+ in one process \(.* from a few steps", said)
    assert [path.name for path in here.iterdir()] == ["small.yaml"]


@contextmanager
def as_on_a_terminal():
    """Tests that a shell runs in the background ignore Ctrl-C, and so would the processes that they start."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def test_a_sweep_that_is_interrupted_goes_on_and_reports(here, capsys):
    file, study = write(here, search={SCALE: [16]}), Path("runs", "sweeps", "small")
    command = [sys.executable, "-m", "facerec", "sweep", file]
    with as_on_a_terminal():
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    first_end = time.monotonic() + 240
    while not list(study.glob("trial_000/version_1/events*")) and time.monotonic() < first_end:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)  # in the second training, or as it begins
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "To go on: facerec sweep small.yaml" in said
    kept = (study / "trial_000" / "version_0" / "config.yaml").stat().st_mtime_ns

    assert run("sweep", file) == 0
    said = capsys.readouterr().out
    assert "trial 0: scale 16  (taken up with 1 of 2 repeats done)" in said
    assert "0 to go" not in said.split("trial 0")[0]
    assert (study / "trial_000" / "version_0" / "config.yaml").stat().st_mtime_ns == kept
    for name in ("trials", "settings"):
        assert (study / f"{name}.png").stat().st_size > 5000
        assert (study / f"{name}.svg").read_text().startswith("<?xml")

    runs = [read_run(folder) for folder in find_runs([str(study)]) if list(folder.glob("checkpoints/best*.ckpt"))]
    rates = {run.settings["data.fold.index"]: run.results["validation EER"] for run in runs}
    [trial] = Study(study, _sweep(file)).trials()
    assert {fold: trial.repeats[f"seed_0_fold_{fold}"].eer for fold in (1, 2)} == rates

    rows = fitted_table(runs).rows  # as `facerec compare` groups them
    assert rows[0][:3] == ["run", "runs", "val EER"]
    assert [row[:2] for row in rows[1:]] == [["trial_000", "2"]]

    assert run("sweep", file, "--report") == 0
    best = study / "small_best.yaml"
    assert f"facerec fit --config {best}" in capsys.readouterr().out
    settings = yaml.safe_load(best.read_text())
    assert settings["trainer"] == yaml.safe_load(DEFAULT_CONFIG.read_text())["trainer"]
    check_settings(settings)


def test_trainings_on_several_test_people_are_tested_once_and_compared(here, capsys, orl_run):
    sources = ("train", "dev", "val_pairs.orl", "test_pairs.orl")
    folds = [{f"data.{source}.init_args.fold": fold for source in sources} for fold in (1, 3)]
    variants = [{**fold, "init_from": str(orl_run), "seed_everything": seed} for seed, fold in enumerate(folds, 3)]
    file, study = write(here, search={SCALE: [16]}, repeat={"settings": variants}), Path("runs", "sweeps", "small")
    assert_refused("no study in", capsys, "sweep", file, "--test")
    assert run("sweep", file) == 0
    assert "1 trial x 2 repeats (1 seed x 1 fold of people x 2 choices of settings)" in capsys.readouterr().out
    [trial] = Study(study, _sweep(file)).trials()
    assert set(trial.repeats) == {"seed_0_settings_1", "seed_0_settings_2"}
    assert len({repeat.run for repeat in trial.repeats.values()}) == 2

    assert run("sweep", file, "--test") == 0
    said = capsys.readouterr().out
    assert "test pairs 'orl'" in said
    assert "Intervals over 20 people" in said
    rates = []
    for number, variant in enumerate(variants, start=1):
        tested = Path(trial.repeats[f"seed_0_settings_{number}"].run)
        images = (tested / "test" / "orl_scores.csv").read_text()
        first_person = {1: "s1/", 3: "s21/"}[variant["data.test_pairs.orl.init_args.fold"]]
        assert f"/{first_person}" in images
        rates.append(read_run(tested).results["test EER"])
        assert read_run(tested).results["test looks"] == 1
        assert read_run(tested).settings["seed_everything"] == variant["seed_everything"]
    assert f"{sum(rates) / 2:.2%}" in said
    assert (study / "test_orl.png").stat().st_size > 5000
    assert len((study / "test_orl.csv").read_text().splitlines()) == 3

    assert run("sweep", file, "--test") == 0
    assert all(read_run(Path(repeat.run)).results["test looks"] == 1 for repeat in trial.repeats.values())


def test_classifiers_are_judged_by_their_error_on_dev_images(here, capsys):
    fixed = {"data.val_pairs": {}, "data.test_pairs": {}}
    file = write(here, search={SCALE: [16]}, repeat={"seeds": 1}, fixed=fixed, measure="dev error")
    assert run("sweep", file) == 0
    [trial] = Study(Path("runs", "sweeps", "small"), _sweep(file)).trials()
    accuracy = read_run(Path(trial.repeats["seed_0"].run)).results["dev accuracy"]
    assert trial.mean == pytest.approx(1 - accuracy)
    said = capsys.readouterr().out
    assert f"dev error {trial.mean:.2%}" in said
    assert re.search(r"trial +dev error", said)


def _sweep(file):
    from facerec.cli.sweep import _read

    return _read(Path(file), [])


def test_a_training_that_fails_says_why(here, capsys):
    assert run("sweep", write(here, search={"verification.calibrate_at": [1e-9]}, repeat={"seeds": 1})) == 1
    said = capsys.readouterr().out
    assert "trial 0 failed: " in said
    assert "calibrate_at" in said.split("trial 0 failed: ")[1]
    assert "no trial is finished" in said


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"serach": {}}, "small.yaml: no entry 'serach'"),
        ({"search": {}}, "search: give settings"),
        ({"search": {"model.loss.init_args.scael": [1]}}, "did you mean 'scale'"),
        ({"search": {"model.backbone.init_args.depth": ["deep"]}}, "depth"),
        ({"search": {SCALE: {"low": 4, "high": 2}}, "method": "tpe", "trials": 2}, "low=4, high=2: give two numbers"),
        ({"search": {SCALE: {"low": 1, "high": 2}}}, f"search.{SCALE}: a grid needs a list"),
        ({"search": {SCALE: {"low": 1, "high": 2}}, "method": "random"}, "trials: method random needs their number"),
        ({"search": {"seed_everything": [1, 2]}}, "seed_everything is what repeats differ in"),
        ({"search": {"model.loss": [{"class_path": "ArcFace"}, {"class_path": "ArcFace"}]}}, "called 'ArcFace'"),
        ({"search": {"data.augment": [{"rotation": 3}]}}, "needs a name"),
        (
            {"search": {"recipe": [{"name": "a", "settings": {}}, 3]}},
            "search.recipe: 3: give each {name: LABEL, settings",
        ),
        ({"search": {"recipe": [{"name": "a", "settings": [1]}]}}, "give each {name: LABEL, settings"),
        ({"search": {"recipe": [{"name": "a", "settings": {}}] * 2}}, "two values are called 'a'"),
        ({"search": {SCALE: [{"name": "a", "settings": {}}]}}, "a name that is no setting's"),
        ({"search": {"recipe": [{"name": "a", "settings": {"data.batch_sise": 1}}]}}, "batch_size"),
        (
            {"search": {"recipe": [{"name": "a", "settings": {"data.fold": None}}]}},
            "data.fold is what repeats differ in",
        ),
        (
            {"search": {SCALE: [8], "recipe": [{"name": "a", "settings": {SCALE: 4}}]}},
            f"{SCALE} gets two values in one trial (scale 8, recipe a)",
        ),
        ({"measure": "accuracy"}, "sweep.measure='accuracy': choose one of validation EER, dev error"),
        ({"measure": "dev error", "prune": {"after": 5}}, "by their validation EER, not by their dev error"),
        ({"method": "best"}, "sweep.method='best': choose one of grid, random, tpe"),
        ({"repeat": 3}, "repeat: 3: give numbers"),
        ({"repeat": {"settings": [{}]}}, "repeat.settings: [{}]: give a list of settings"),
        ({"repeat": {"settings": [{"data.a": 1}, {"data.b": 1}]}}, "each must give values to the same settings"),
        ({"repeat": {"settings": [{"data.batch_sise": 1}]}}, "batch_size"),
        ({"repeat": {"folds": 1}}, "repeat.folds=1: give a whole number, at least 2"),
        ({"prune": True}, "prune: True: give"),
        ({"fixed": {"data.batch_size.x": 1}}, "data.batch_size is 32"),
        (
            {"fixed": {SCALE: 8}, "search": {"model.loss": [{"class_path": "ArcFace"}]}},
            f"model.loss would replace {SCALE}",
        ),
        (
            {"search": {SCALE: [8, 16]}, "budget": {SCALE: 4}},
            f"{SCALE} is searched, and budget gives it one value for all trials",
        ),
        (
            {"search": {SCALE: [8, 16]}, "budget": {"model.loss.scale": 4}},  # init_args may be left out
            f"{SCALE} is searched, and budget gives it one value for all trials",
        ),
        (
            {"search": {SCALE: [8], "recipe": [{"name": "a", "settings": {"model.loss.scale": 4}}]}},
            "model.loss.scale gets two values in one trial (scale 8, recipe a)",
        ),
        ({"search": {"data.batch_size": [1, 32]}}, "data.batch_size=1: batch normalisation has no statistics"),
        (
            {"search": {"model.optimizer": [{"class_path": "torch.optim.LBFGS"}]}},
            "model.optimizer=torch.optim.LBFGS: it",
        ),
        ({"name": "a/b"}, "name: 'a/b' names no folder"),
        ({"repeat": {"settings": "missing.yaml"}}, "repeat.settings: no file missing.yaml"),
        ({"config": "missing.yaml"}, "no configuration file missing.yaml"),
    ],
)
def test_what_cannot_be_used_is_named(entries, message, here, capsys):
    assert_refused(message, capsys, "sweep", write(here, **entries), "--plan")
    assert not Path("runs").exists()


def test_a_recipe_changes_several_settings_or_none(here):
    of_a = {"data.batch_size": 8, "model.flip_test": False}
    recipes = [{"name": "as it is", "settings": {}}, {"name": "a", "settings": of_a}]
    sweep = _sweep(write(here, search={"recipe": recipes, SCALE: [8.0, 16.0]}))
    found = [sweep.settings(point) for point in grid(sweep.space)]
    assert [each["model"]["loss"]["init_args"]["scale"] for each in found] == [8.0, 16.0, 8.0, 16.0]
    assert [each["data"]["batch_size"] for each in found] == [32, 32, 8, 8]
    assert [each["model"]["flip_test"] for each in found] == [True, True, False, False]
    assert str(sweep.space[0]) == "recipe: as it is, a"


@pytest.mark.parametrize(
    "name",
    ["model.schedule.init_args.warmup", "model.schedule.warmup", "model.loss.scale", "model.backbone.head.dropout"],
)
def test_a_setting_has_the_names_of_the_command_line(name, here):
    """With and without ``init_args``, whichever the configuration has."""
    sweep = _sweep(write(here, search={name: [0.25, 0.5]}))
    for point in grid(sweep.space):
        check_settings(sweep.settings(point))


def test_the_settings_of_repeats_may_stand_in_a_file(here):
    variants = [{"data.batch_size": size} for size in (8, 16)]
    Path("sizes.yaml").write_text(yaml.safe_dump(variants))
    named, listed = (_sweep(write(here, repeat={"settings": given})) for given in ("sizes.yaml", variants))
    assert named.repeats == listed.repeats
    assert [dict(variant.settings) for variant in named.variants] == variants


def test_a_report_needs_a_study(here, capsys):
    assert_refused("no study in runs/sweeps/small", capsys, "sweep", write(here), "--report")


def test_the_error_of_a_missing_package_names_the_extra(here, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "facerec.sweeps.study")
    assert_refused('pip install "facerec[sweep]"', capsys, "sweep", write(here))


def test_a_sweep_may_start_from_the_configuration_of_a_run(here, orl_run, capsys):
    """It has every setting that there is."""
    assert (
        run("sweep", write(here, config=str(orl_run / "config.yaml"), search={"average.kind": [None, "ema"]}), "--plan")
        == 0
    )
    assert "average.kind: null, ema" in capsys.readouterr().out


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_every_shipped_sweep_has_settings_that_fit_takes(path):
    sweep = _sweep(path)
    assert sweep.name == path.stem
    for point in grid(sweep.space):
        check_settings(sweep.settings(point))
        check_settings(sweep.full_settings(point))
