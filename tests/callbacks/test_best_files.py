"""The best checkpoints of a run, as its folder has them."""

import pytest
import torch

from facerec.callbacks.best_files import BestFile, best_files, best_of

KEY = "BestCheckpoint{...}"


def write(path, step: int, score: float, key: str = KEY) -> None:
    state = {key: {"current_score": torch.tensor(score)}}
    torch.save({"state_dict": {}, "global_step": step, "callbacks": state}, path)


def test_files_tell_their_scores_in_the_order_of_training(tmp_path):
    write(tmp_path / "best-epoch=002.ckpt", 30, 0.2)
    write(tmp_path / "best-epoch=001-v1.ckpt", 20, 0.3)
    write(tmp_path / "best-epoch=003.ckpt", 40, 0.1, key="another")
    write(tmp_path / "last.ckpt", 50, 0.1)
    (tmp_path / "best-epoch=000.ckpt").write_text("damaged")
    with pytest.warns(UserWarning, match=r"best-epoch=000\.ckpt .*no longer among the best checkpoints"):
        found = best_files(tmp_path, KEY)
    assert [(file.step, round(float(file.score), 3)) for file in found] == [(20, 0.3), (30, 0.2)]


@pytest.mark.parametrize(
    ("count", "mode", "kept"), [(2, "min", [1, 3]), (1, "max", [2]), (-1, "min", [1, 2, 3, 4]), (0, "min", [])]
)
def test_the_earlier_of_equals_is_kept(count, mode, kept):
    scores = {1: 0.2, 2: 0.4, 3: 0.1, 4: 0.2}
    files = [BestFile(f"{step}.ckpt", step, torch.tensor(score)) for step, score in scores.items()]
    assert [file.step for file in best_of(files, count, mode)] == kept
