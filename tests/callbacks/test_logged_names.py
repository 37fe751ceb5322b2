"""Every name that a run logs stands in the table of facerec/callbacks/README.md."""

import re
from pathlib import Path

import pytest

import facerec
from facerec.callbacks import WeightAverage
from facerec.cli import main
from facerec.reports.events import name_of
from tests.cli.conftest import best_file, events
from tests.losses.loss_cases import CASES, batch

TABLE = (Path(facerec.__file__).parent / "callbacks" / "README.md").read_text(encoding="utf-8")
EXPLAINED = set(re.findall(r"^\| `([\w/]+)` \| \S", TABLE, flags=re.M))


PARTS = r"^train/learning_rate/(stem|stage\d|head|loss)$"
AVERAGED = re.findall(r"`(val_\w+)/\.\.\.`", TABLE)


def unexplained(names, pair_set="orl") -> list[str]:
    raw = {name: re.sub(f"^({'|'.join(AVERAGED)})/", "val/", name_of(name)) for name in names}
    general = {name: re.sub(rf"/{pair_set}/", "/SET/", raw[name]) for name in names}
    return [name for name in names if re.sub(PARTS, "train/learning_rate/PART", general[name]) not in EXPLAINED]


def test_the_names_of_a_run_and_of_its_test(run_copy, capsys):
    main(["test", "--ckpt_path", str(best_file(run_copy))])
    logged = events(run_copy).Tags()["scalars"]
    assert {"train/loss", "val/eer", "verdict/test/orl/far_at_calibrated"} <= set(logged)
    assert not unexplained(logged)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_names_of_every_loss(case):
    loss = case.build(8, 4).double()
    loss(*batch(8, 8, 4))
    logged = {f"train/{re.sub('^(ce|triplet|deep|shallow)/', '', name)}" for name in loss.statistics()}
    logged -= {"train/weight"}  # of a part, explained as train/PART/weight
    assert not unexplained(logged)


def test_the_names_of_averaged_weights():
    assert [WeightAverage("ema").stage, WeightAverage("swa").stage] == AVERAGED
    assert unexplained(["val_ema/orl/eer", "val_mean/eer", "val_swa/err"]) == ["val_mean/eer", "val_swa/err"]


def test_a_name_that_is_not_explained_is_seen():
    assert unexplained(["val/orl/eer", "val/orl/err", "train/losses"]) == ["val/orl/err", "train/losses"]
