"""What a checkpoint holds beside weights: written, read, and refused when it is damaged, foreign, old or new."""

import os
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from facerec import __version__
from facerec.align import Alignment
from facerec.checkpoints import CARD_KEY, FORMAT_VERSION, ModelCard, load_checkpoint, read_card, store_calibration

THRESHOLD = {"threshold": 0.4, "far": 0.1, "frr": 0.2, "method": "eer", "score": "cosine"}
LINE = {"slope": 20.0, "intercept": -8.0, "lowest": -3.0, "highest": 5.0}
CARD = ModelCard(("ada", "bén"), THRESHOLD, Alignment("mtcnn", "1.0", "112x112", min_score=0.9), 600, "seed: 1\n")


def write(path: Path, card: object = CARD, **others: object) -> Path:
    """A checkpoint with a card, or with what takes its place."""
    checkpoint = {"state_dict": {"backbone.weight": torch.arange(3.0)}, "global_step": 600} | others
    if isinstance(card, ModelCard):
        card.put_into(checkpoint)
    elif card is not None:
        checkpoint[CARD_KEY] = card
    torch.save(checkpoint, path)
    return path


def plain(**changes: object) -> dict:
    """The card as it stands in the file, with some entries changed; ``...`` takes one out."""
    checkpoint: dict = {}
    CARD.put_into(checkpoint)
    changed = checkpoint[CARD_KEY] | changes
    return {name: value for name, value in changed.items() if value is not ...}


def test_a_card_comes_back_from_a_file_that_loads_without_unpickling_code(tmp_path) -> None:
    path = write(tmp_path / "best.ckpt")
    assert read_card(path) == CARD
    stored = torch.load(path, weights_only=True)[CARD_KEY]
    assert (stored["identities"], stored["calibration"]) == (["ada", "bén"], THRESHOLD)
    assert (stored["facerec_version"], stored["format_version"]) == (__version__, FORMAT_VERSION)
    empty = write(tmp_path / "empty.ckpt", ModelCard())
    assert read_card(empty) == ModelCard()


def test_a_card_is_written_with_the_versions_of_the_facerec_that_writes_it() -> None:
    checkpoint: dict = {}
    replace(CARD, facerec_version="0.0.1", format_version=0).put_into(checkpoint)
    assert ModelCard.from_checkpoint(checkpoint) == CARD


def test_a_written_card_does_not_follow_later_changes() -> None:
    threshold = dict(THRESHOLD)
    checkpoint: dict = {}
    replace(CARD, calibration=threshold).put_into(checkpoint)
    threshold["threshold"] = 0.9
    assert ModelCard.from_checkpoint(checkpoint).calibration == THRESHOLD


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (None, "does not load as a checkpoint of `facerec fit`: it has no model card"),
        ("card", "it has no model card"),
        ({}, "is damaged: format_version of its model card is None"),
        (plain(format_version="1"), "format_version of its model card is '1'"),
        (plain(format_version=0), "format_version of its model card is 0"),
        (plain(identities=...), "is damaged: its model card has no identities"),
        (plain(identities=["ada", 2]), r"identities of its model card is \['ada', 2\], not a list of names"),
        (plain(identities="ada"), "identities of its model card is 'ada', not a list of names"),
        (plain(calibration=0.4), "calibration of its model card is 0.4, not a finite threshold"),
        (plain(calibration=THRESHOLD | {"threshold": float("nan")}), "calibration of .* not a finite threshold"),
        (plain(calibration=THRESHOLD | {"far": "0.1"}), "calibration of .* not a finite threshold"),
        (plain(calibration=THRESHOLD | {"score": 1}), "calibration of .* not a finite threshold"),
        (plain(calibration={"threshold": 0.4}), "calibration of .* not a finite threshold"),
        (plain(calibration=THRESHOLD | {"likelihood": None}), "calibration of .* not a finite threshold"),
        (plain(calibration=THRESHOLD | {"likelihood": LINE | {"slope": -1.0}}), "calibration of .* not a finite"),
        (plain(calibration=THRESHOLD | {"likelihood": LINE | {"lowest": 1.0}}), "calibration of .* not a finite"),
        (plain(alignment="mtcnn"), "alignment of its model card is 'mtcnn'"),
        (plain(alignment={"detector": "mtcnn"}), "alignment of its model card"),
        (plain(alignment=CARD.alignment.as_dict() | {"min_score": "high"}), "alignment of its model card"),
        (plain(trained_step=-1), "trained_step of its model card is -1, not a count of steps"),
        (plain(trained_step=1.5), "trained_step of its model card is 1.5"),
        (plain(configuration={"seed": 1}), "configuration of its model card .* not YAML text"),
        (
            plain(started_from={"file": "a.ckpt"}),
            "started_from of its model card is {'file': 'a.ckpt'}, not a checkpoint",
        ),
        (plain(chosen_by=3), "chosen_by of its model card is 3, not the name of a metric"),
        (plain(facerec_version=1), "facerec_version of its model card is 1, not text"),
    ],
)
def test_a_damaged_or_foreign_card_is_named_with_its_file(stored, message, tmp_path) -> None:
    path = write(tmp_path / "strange.ckpt", stored)
    with pytest.raises(ValueError, match=rf"strange\.ckpt .*{message}") as refused:
        read_card(path)
    assert len(str(refused.value)) < 400  # also where the value is long


def test_a_long_value_is_shortened_in_the_message(tmp_path) -> None:
    path = write(tmp_path / "strange.ckpt", plain(identities=[*map(str, range(100_000)), None]))
    with pytest.raises(ValueError, match="not a list of names") as refused:
        read_card(path)
    assert len(str(refused.value)) < 400


def test_what_a_later_version_adds_to_this_format_is_passed_over(tmp_path) -> None:
    assert read_card(write(tmp_path / "more.ckpt", plain(colour="blue"))) == CARD


def test_what_chose_the_checkpoint_is_kept_and_older_cards_lack_it(tmp_path) -> None:
    assert read_card(write(tmp_path / "best.ckpt", replace(CARD, chosen_by="val/accuracy"))).chosen_by == "val/accuracy"
    assert read_card(write(tmp_path / "old.ckpt", plain(chosen_by=...))).chosen_by is None


def test_the_origin_of_the_weights_is_kept_and_older_cards_lack_it(tmp_path):
    origin = {"file": "runs/a/version_0/checkpoints/last.ckpt", "step": 6, "sha256": "0" * 64}
    assert read_card(write(tmp_path / "best.ckpt", replace(CARD, started_from=origin))).started_from == origin
    assert read_card(write(tmp_path / "old.ckpt", plain(started_from=...))).started_from is None


def test_a_newer_format_says_to_update_whatever_else_it_holds(tmp_path) -> None:
    path = write(tmp_path / "new.ckpt", {"format_version": FORMAT_VERSION + 1, "identities": 3})
    with pytest.raises(
        ValueError, match=rf"new\.ckpt has a model card of format {FORMAT_VERSION + 1}.* Update facerec$"
    ):
        read_card(path)


@pytest.mark.parametrize(
    ("card", "others"),
    [
        ({"version": "0.1.0", "identities": [], "calibration": None, "alignment": None}, {}),
        ({"version": "0.1.0", "identities": []}, {"facerec_config": "seed: 1"}),
        (None, {"facerec_config": "seed: 1"}),
    ],
)
def test_a_checkpoint_from_before_the_card_says_so(card, others, tmp_path) -> None:
    path = write(tmp_path / "old.ckpt", card, **others)
    with pytest.raises(ValueError, match=r"old\.ckpt was written by an earlier version of facerec\. Train anew"):
        read_card(path)


def test_a_threshold_is_stored_in_place_of_the_old_one_and_nothing_else_changes(tmp_path) -> None:
    path = write(tmp_path / "best.ckpt", others={"a": 1})
    other = THRESHOLD | {"threshold": 0.7}
    store_calibration(path, other)
    assert read_card(path) == replace(CARD, calibration=other)
    after = torch.load(path, weights_only=True)
    assert torch.equal(after["state_dict"]["backbone.weight"], torch.arange(3.0))
    assert (after["others"], after["global_step"]) == ({"a": 1}, 600)
    store_calibration(path, None)
    assert read_card(path) == replace(CARD, calibration=None)
    assert [file.name for file in tmp_path.iterdir()] == ["best.ckpt"]


def test_a_checkpoint_is_whole_or_as_it_was_when_storing_fails(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "best.ckpt")
    before = path.read_bytes()

    def fail(content: object, file: Path) -> None:
        Path(file).write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        store_calibration(path, None)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["best.ckpt"]


def test_nothing_is_stored_in_a_checkpoint_without_a_card(tmp_path) -> None:
    path = write(tmp_path / "foreign.ckpt", None)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"foreign\.ckpt does not load"):
        store_calibration(path, THRESHOLD)
    assert path.read_bytes() == before


class Marked:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("ran",)


def test_no_code_of_a_checkpoint_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "evil.ckpt", plain(configuration=Marked()))
    with pytest.raises(ValueError, match=r"evil\.ckpt does not load as a checkpoint .* which could run code"):
        load_checkpoint("evil.ckpt")
    assert not Path("ran").exists()


def test_what_is_no_checkpoint_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_checkpoint(tmp_path / "none.ckpt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    with pytest.raises(ValueError, match=r"text\.ckpt does not load .* no checkpoint at all, or was cut off"):
        load_checkpoint(tmp_path / "text.ckpt")
    torch.save([torch.zeros(1)], tmp_path / "list.ckpt")
    with pytest.raises(ValueError, match="it holds no state_dict"):
        load_checkpoint(tmp_path / "list.ckpt")
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ValueError, match="is what `facerec export` made"):
        load_checkpoint(tmp_path / "model.onnx")


def test_a_changed_bit_is_refused_wherever_it_is(tmp_path) -> None:
    path = write(tmp_path / "best.ckpt", state_dict={"backbone.weight": torch.arange(300.0)})
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
    held = {place for record in records for place in range(*_bytes_of(record, content))}
    assert len(held) > 1200
    for place in list(held)[:: len(held) // 40]:
        changed = bytearray(content)
        changed[place] ^= 8
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"best\.ckpt is damaged"):
            load_checkpoint(path)
        with pytest.raises(ValueError, match=r"best\.ckpt is damaged"):
            store_calibration(path, THRESHOLD)
        assert path.read_bytes() == changed


def _bytes_of(record: zipfile.ZipInfo, content: bytes) -> tuple[int, int]:
    """Where a record begins and ends in the file."""
    name, extra = struct.unpack_from("<HH", content, record.header_offset + 26)
    start = record.header_offset + 30 + name + extra
    return start, start + record.file_size


def test_a_packed_checkpoint_is_refused_before_it_fills_the_memory(tmp_path) -> None:
    path = write(tmp_path / "best.ckpt", state_dict={"backbone.weight": torch.zeros(1_000_000)})
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "bomb.ckpt", "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in archive.namelist():
            bomb.writestr(name, archive.read(name))
    with pytest.raises(ValueError, match=r"bomb\.ckpt was not written by `facerec fit`: it holds the packed record"):
        load_checkpoint(tmp_path / "bomb.ckpt")
