"""Every file of experiments/ trains and validates on one batch."""

import re
from pathlib import Path

import pytest
import yaml

from facerec.cli import main
from facerec.cli.training import DEFAULT_CONFIG, DEFAULT_NAME

EXPERIMENTS = sorted(Path(__file__).parents[2].joinpath("experiments").glob("*.yaml"))


def test_the_default_is_the_experiment():
    experiment = next(path for path in EXPERIMENTS if path.stem == DEFAULT_NAME)
    assert DEFAULT_CONFIG.read_bytes() == experiment.read_bytes()


@pytest.mark.parametrize(
    "path", [path for path in EXPERIMENTS if path.stem.startswith("finetune")], ids=lambda path: path.stem
)
def test_a_fine_tuning_takes_all_of_the_network_of_the_run_that_it_starts_from(path):
    named = re.search(rf"fit --config experiments/{path.name} --init_from runs/(\w+)\n", path.read_text())
    assert named
    settings, first, default = (
        yaml.safe_load(file.read_text()) for file in (path, path.with_name(f"{named[1]}.yaml"), DEFAULT_CONFIG)
    )
    for shared in ("backbone", "image_size", "flip_test"):
        assert settings["model"][shared] == first["model"][shared]
    for people in ("train", "dev", "val_pairs", "test_pairs"):
        assert settings["data"][people] == default["data"][people], "test people must not train"


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_takes_one_step_of_each_kind(path, shallow_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = yaml.safe_load(path.read_text())
    assert "root" not in settings["data"], "machine paths stay out of experiments"
    small = [
        "--trainer.fast_dev_run=1",
        "--trainer.accelerator=cpu",
        "--trainer.enable_progress_bar=false",
        "--trainer.enable_model_summary=false",
        "--data.batch_size=4",
        "--data.num_workers=0",
    ]
    if "train" not in settings["data"]:
        small += ["--data.root", str(shallow_root)]
    elif "root" in settings["data"]["train"]["init_args"]:  # a set with a format of its own: any images stand for it
        small += [
            f"--data.{part}={{class_path: FolderImages, init_args: {{root: {shallow_root}/{part}}}}}"
            for part in ("train", "dev")
        ]
    main(["fit", "--config", str(path), *small])
