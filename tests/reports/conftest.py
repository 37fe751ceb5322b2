from pathlib import Path

import pytest

from tests.reports.runs import BY_PERSON, copy_of, measured, numbers


@pytest.fixture
def runs(orl_run: Path, tmp_path: Path) -> Path:
    """Three runs: not tested, EER 15 % with both intervals, EER 12 % with an interval by pair."""
    folder = tmp_path / "runs"
    copy_of(orl_run, folder / "plain" / "version_0")
    copy_of(orl_run, folder / "wide" / "version_1", measured(numbers(0.15, BY_PERSON)), loss_lr_factor=2.0)
    copy_of(orl_run, folder / "wide" / "version_0", measured(numbers(0.12)), loss_lr_factor=3.0, flip_test=False)
    return folder
