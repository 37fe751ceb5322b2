"""Every source can be named in YAML: to train on, for dev accuracy, and as one of several sets of pairs."""

from pathlib import Path

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.cli import main
from facerec.cli.training import DEFAULT_CONFIG
from facerec.data import write_bin, write_records
from tests.conftest import SMALL, face, save_face


def named(name, **settings):
    return {"class_path": f"facerec.data.{name}", "init_args": settings}


@pytest.fixture
def config(tmp_path, mnist):
    """insightface's records train, pairs of each format validate."""
    people = range(1, 5)
    for name, images in (("train", range(1, 5)), ("dev", range(5, 7))):
        paths = [face(person, image) for person in people for image in images]
        write_records(tmp_path / name, paths, [person for person in people for _ in images])
    faces = [face(20 + i // 2, 1 + i % 2 + i // 10) for i in range(20)]
    faces += [face(20 + i % 7, 1 + i // 7) for i in range(20)]
    write_bin(tmp_path / "set.bin", faces, [True] * 10 + [False] * 10)
    for person in (31, 32):
        for image in (1, 2):
            save_face(person, image, tmp_path / "lfw" / f"s{person}" / f"s{person}_{image:04d}.jpg")
    (tmp_path / "pairs.txt").write_text("2\t1\ns31\t1\t2\ns31\t1\ts32\t1\ns32\t1\t2\ns31\t2\ts32\t2\n")
    data = {
        "train": named("RecordImages", root=str(tmp_path / "train")),
        "dev": named("RecordImages", root=str(tmp_path / "dev")),
        "val_pairs": {
            "bin": named("BinPairs", path=str(tmp_path / "set.bin")),
            "lfw": named("LFWPairs", images=str(tmp_path / "lfw"), pairs_file=str(tmp_path / "pairs.txt")),
            "digits": named("AllPairs", images=named("MNISTImages", root=mnist, part="test")),
        },
        "batch_size": 8,
    }
    settings = yaml.safe_load(DEFAULT_CONFIG.read_text(encoding="utf-8"))
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(settings | {"data": data}))
    return tmp_path / "sources.yaml"


def test_a_run_on_sources_of_five_formats(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["fit", "--config", str(config), *SMALL, "--trainer.max_epochs=1", "--trainer.log_every_n_steps=1"])
    events = EventAccumulator(str(next(Path("runs", "sources").glob("version_0"))))
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert {"val/accuracy", "val/bin/eer", "val/lfw/eer", "val/digits/eer"} <= scalars
