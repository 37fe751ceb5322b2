"""The default run over four folds of people and several seeds: one fold of ten people is noisy.

    python benchmarks/orl_folds.py [--seeds 0 1 2] [--config experiments/orl_resnet18_arcface.yaml]

Each run trains, chooses its checkpoint on its own validation people, and is tested once on ten people it has not seen.
"""

import argparse
import contextlib
import io
import json
from pathlib import Path

import numpy as np

from facerec.cli import main as facerec

SOURCES = ("train", "dev", "val_pairs.orl", "test_pairs.orl")


def run(config, fold, seed):
    """Train and test; returns the EER on the test people."""
    folds = [f"--data.{source}.init_args.fold={fold}" for source in SOURCES]
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    name = f"{Path(config).stem}_fold{fold}_seed{seed}"
    log = [f"--trainer.logger.init_args.name={name}", "--trainer.logger.init_args.save_dir=runs"]
    logger = ["--trainer.logger=TensorBoardLogger", *log]
    facerec(["fit", "--config", str(config), f"--seed_everything={seed}", *folds, *quiet, *logger])
    with contextlib.redirect_stdout(io.StringIO()):
        facerec(["test", "--ckpt_path", f"runs/{name}"])
    results = max(Path("runs", name).glob("version_*/test/metrics.json"), key=lambda path: path.stat().st_mtime)
    return json.loads(results.read_text())["sets"]["orl"]["eer"]


def main():
    """Print every EER, and mean and standard deviation over the folds for each seed and in all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--config", default="experiments/orl_resnet18_arcface.yaml")
    settings = parser.parse_args()
    rates = []
    for seed in settings.seeds:
        for fold in settings.folds:
            rates.append((seed, fold, run(settings.config, fold, seed)))
            print(f"seed {seed}, fold {fold}: EER {rates[-1][2]:.2%}", flush=True)
    errors = np.array([rate for _, _, rate in rates])
    print(f"mean {errors.mean():.2%}, standard deviation {errors.std(ddof=1):.2%}, {len(errors)} runs")
    for fold in settings.folds:
        of_fold = np.array([rate for _, at, rate in rates if at == fold])
        print(f"fold {fold}: mean {of_fold.mean():.2%}, from {of_fold.min():.2%} to {of_fold.max():.2%}")


if __name__ == "__main__":
    main()
