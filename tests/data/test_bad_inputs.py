"""Every bad input has the outcome that facerec/data/README.md states: nothing is silently wrong."""

import os
import re
import time
from pathlib import Path

import pytest

import facerec.data
from facerec.data import FaceDataModule, UnreadableImageError
from facerec.data.sources import ImageSource, PairSource
from tests.data.bad_files import files
from tests.data.bad_images import images
from tests.data.bad_lists import lists
from tests.data.bad_protocols import protocols
from tests.data.cases import ERROR, SKIP, WORKS

CASES = [*images, *lists, *protocols, *files]
TABLE = Path(facerec.data.__file__).with_name("README.md")


def use(source):
    """All that the data module does with a source, short of training."""
    source.check()
    if isinstance(source, PairSource):
        assert source.pairs.shape[1] == 2
        assert source.pairs.max() < len(source)
        assert source.same is None or len(source.same) == len(source.pairs)
    if isinstance(source, ImageSource):
        assert source.labels.shape == (len(source),)
        assert source.labels.max() < len(source.identities)
    for index in range(len(source)):
        image = source.read(index)
        assert image.ndim == 3
        assert image.shape[0] == 3


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_outcome(case, tmp_path, recwarn):
    if "without permission" in case.name and os.geteuid() == 0:
        pytest.skip("root may read everything")
    assert case.outcome in (WORKS, ERROR, SKIP)
    source = case.make(tmp_path)
    if case.outcome == WORKS:
        use(source)
        assert case.expected(source)
        return
    started = time.process_time()
    with pytest.raises((ValueError, FileNotFoundError), match=case.expected) as raised:
        use(source)
    assert time.process_time() - started < 5
    assert raised.type is not UnicodeDecodeError  # a ValueError, but not one for users
    if case.outcome == SKIP:
        assert isinstance(raised.value, UnreadableImageError)
        is_counted(source, case.expected)


def is_counted(source, message):
    """See that ``--data.unreadable skip`` leaves out the bad image alone and reports it."""
    data = FaceDataModule(train=source, unreadable="skip", image_size=(8, 8))
    with pytest.warns(UserWarning, match=f"skipped 1 of {len(source)} training images"):
        dataset = data.train_dataset(data.identities)
    assert len(dataset) == len(source) - 1
    assert len(data.skipped) == 1
    assert re.search(message, data.skipped[0])


def test_the_document_lists_these_cases():
    text = TABLE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| (works|error|skip)\b([^|]*) \|$", text, re.MULTILINE)
    assert sorted(row[:2] for row in rows) == sorted((case.name, case.outcome) for case in CASES)
    assert len({name for name, _, _ in rows}) == len(rows) >= 60
    assert f"each of these {len(rows)} inputs" in text
    expected = {case.name: case.expected for case in CASES if case.outcome != WORKS}
    for name, outcome, message in rows:
        assert outcome == WORKS or re.search(expected[name], message), (name, message)
