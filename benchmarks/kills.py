"""Does a training that is killed again and again end as the one that was not? Bit for bit, with `kill -9`.

    python benchmarks/kills.py --kills 20

Each training runs once in peace. Then it runs again, and is killed after a random time and resumed with
`--ckpt_path last` until it ends. Weights, optimizer, best checkpoints, their scores and the threshold are compared.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

SMALL = [
    "--trainer.max_epochs=6",
    "--trainer.accelerator=cpu",
    "--trainer.precision=32-true",
    "--trainer.enable_progress_bar=false",
    "--trainer.check_val_every_n_epoch=1",
    "--trainer.num_sanity_val_steps=0",
    "--trainer.log_every_n_steps=1",
    "--model.image_size=[64,64]",
    "--model.backbone.init_args.width=8",
    "--model.backbone.init_args.embedding_dim=16",
    "--data.num_workers=0",
    "--checkpoint.candidates_after=0",
    "--checkpoint.every_n_steps=1",
]
JOINT = '{"class_path": "Joint", "init_args": {"losses": {"ce": "Softmax", "triplet": "Triplet"}, "weights": '
JOINT += '{"triplet": {"start": 0.0, "end": 0.5, "steps": 24}}}}'
BALANCED = ["--data.images_per_person=4", "--data.batch_size=32"]
TRAININGS = {
    "margin": [],
    "joint with a ramp": [f"--model.loss={JOINT}", *BALANCED],
    "SphereFace": ['--model.loss={"class_path": "SphereFace"}'],
    "balanced, two workers": [*BALANCED, "--data.num_workers=2"],
    "three best": ["--checkpoint.save_top_k=3"],
    "max_steps": ["--trainer.max_epochs=-1", "--trainer.max_steps=36"],
    "validation in mid-epoch": ["--trainer.val_check_interval=4", "--checkpoint.save_top_k=2"],
    "two batches a step": ["--trainer.accumulate_grad_batches=2", "--trainer.check_val_every_n_epoch=2"],
    "averaged weights": ["--average.kind=ema", "--average.decay=0.9"],
}


def started(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """A command in a process group of its own, so that its workers are killed with it."""
    out = (folder / "out.txt").open("ab")
    command = [sys.executable, "-m", "facerec", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)


def finish(folder: Path, options: list[str], kills: int, seconds: float, chance: random.Random) -> int:
    """Train to the end, with kills at random moments.

    Args:
        folder: to train in.
        options: of ``facerec fit``.
        kills: largest number of kills.
        seconds: largest time between the first checkpoint of a process and its death.
        chance: chooses the moments.

    Returns:
        The number of kills.
    """
    folder.mkdir(parents=True)
    for done in range(kills + 1):
        before = newest(folder)
        process = started(folder, "fit", *(["--ckpt_path", "last"] if before else options))
        while process.poll() is None and (done == kills or newest(folder) == before):
            time.sleep(0.01)
        if process.poll() is None:
            time.sleep(chance.uniform(0.0, seconds))
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()
        elif process.returncode == 0:
            return done
        else:
            raise SystemExit((folder / "out.txt").read_text())
    raise AssertionError("the last process is not killed")


def newest(folder: Path) -> float:
    """Time of the last checkpoint; 0 if there is none."""
    return max((path.stat().st_mtime for path in folder.glob("runs/*/*/checkpoints/last.ckpt")), default=0.0)


def outcome(folder: Path) -> dict[str, object]:
    """What a training leaves: by the steps behind each checkpoint, because a resumed run may name files otherwise."""
    found: dict[str, object] = {"runs": len(list(folder.glob("runs/*/*")))}
    for path in folder.glob("runs/*/*/checkpoints/*.ckpt"):
        if path.stem == "previous":
            continue
        checkpoint = torch.load(path, weights_only=True)
        name = f"{path.stem[:4]} {checkpoint['global_step']}"
        found[name] = {
            "weights": checkpoint["state_dict"],
            "optimizer": checkpoint["optimizer_states"],
            "threshold": checkpoint["facerec"]["calibration"],
            "score": [state.get("current_score") for state in checkpoint["callbacks"].values() if "monitor" in state]
            if name.startswith("best")
            else None,
        }
    return found


def differences(one: object, other: object, name: str = "") -> list[str]:
    """Names of the values that differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        missing = [f"{name} {key}" for key in one.keys() ^ other.keys()]
        return missing + [
            text for key in one.keys() & other.keys() for text in differences(one[key], other[key], f"{name} {key}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [text for left, right in zip(one, other, strict=True) for text in differences(left, right, name)]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return [] if torch.equal(one, other) else [name]
    return [] if one == other else [name]


def main() -> None:
    """Kill trainings."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20, help="number of kills of each training")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    parser.add_argument("names", nargs="*", help=f"trainings, of {', '.join(TRAININGS)}")
    arguments = parser.parse_args()
    base, chance = Path(tempfile.mkdtemp(prefix="kills-")), random.Random(arguments.seed)
    failed = False
    for name in arguments.names or TRAININGS:
        options = [*SMALL, *TRAININGS[name]]
        finish(base / name / "whole", options, 0, 0.0, chance)
        kills = finish(base / name / "killed", options, arguments.kills, 0.5, chance)
        wrong = differences(outcome(base / name / "whole"), outcome(base / name / "killed"))
        failed |= bool(wrong)
        print(f"{name}: {kills} kills, {'the same' if not wrong else wrong[:5]}", flush=True)
    if failed:
        raise SystemExit(f"see {base}")
    shutil.rmtree(base)


if __name__ == "__main__":
    main()
