"""The figure of error against discard, from what a test kept."""

import numpy as np
import pytest

from facerec.plots import quality_figure
from facerec.reports.quality import discard_of
from tests.plots.images import texts
from tests.reports.test_quality import tested

__all__ = ["tested"]


def test_qualities_that_a_set_comes_with_are_drawn_without_being_named(tested):
    run, scored = tested
    assert len(quality_figure([run], "EDC", fmr=0.05).axes[0].get_legend().get_texts()) == 2
    names = [f"p{index // 4:02d}/{index % 4}.png,{index}" for index in range(len(scored.embeddings))]
    (run.folder / "orl_qualities.csv").write_text("\n".join(["image,quality", *names]))
    legend = quality_figure([run], "EDC", fmr=0.05).axes[0].get_legend()
    expected = discard_of(run, "orl", str(run.folder / "orl_qualities.csv"), fmr=0.05)
    area = f"orl_qualities.csv: {expected.area - expected.ideal_area:.4f}"
    assert [text.get_text() for text in legend.get_texts() if area in text.get_text()]


def test_every_quality_has_its_steps_and_its_area(tested, tmp_path):
    run, _ = tested
    file = tmp_path / "q.csv"
    rows = [f"p{index // 4:02d}/{index % 4}.png,{index * 7 % 48}" for index in range(48)]
    file.write_text("image,quality\n" + "\n".join(rows) + "\n")
    figure = quality_figure([run], "EDC", str(file), fmr=0.05)
    left, right = figure.axes
    found = [discard_of(run, "orl", one, 0.05) for one in (None, str(file))]
    for place, one in enumerate(found):
        np.testing.assert_allclose(left.get_lines()[place].get_xydata(), 100 * np.stack(one.curve[::2], axis=1))
        np.testing.assert_allclose(right.get_lines()[place].get_xydata(), 100 * np.stack(one.curve[1:], axis=1))
    np.testing.assert_allclose(left.get_lines()[2].get_ydata(), 100 * found[0].ideal.fnmr)
    expected = [f"{one.quality}: {one.area - one.ideal_area:.4f}" for one in found]
    for text, end in zip(texts(left.get_legend()), [*expected, "best possible"], strict=True):
        assert text.endswith(end)
    assert left.get_title() == "orl: n = 72 genuine pairs\nthreshold at FMR 0.05 of all pairs"
    assert (left.get_xlabel(), right.get_xlabel()) == ("genuine pairs discarded, %", "images discarded, %")
    figure.canvas.draw()


def test_a_rate_without_support_is_refused(tested):
    with pytest.raises(ValueError, match="cannot support this rate"):
        quality_figure([tested[0]], "EDC", fmr=1e-4)
