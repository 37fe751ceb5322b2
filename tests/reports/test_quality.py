"""Files of qualities, and error against discard of a tested set of pairs, counted again by hand."""

from dataclasses import replace

import numpy as np
import pytest

from facerec.reports import Measurement, ScoredSet, read_qualities, summarise, write_metrics
from facerec.reports.kept_scores import measured_runs
from facerec.reports.qualities import matched, write_lengths
from facerec.reports.quality import discard_of
from facerec.reports.results import write_scores
from tests.reports.sets import embedded_people, five_pairs


class Names:
    def name(self, index: int) -> str:
        return f"/data/faces/p{index // 4:02d}/{index % 4}.png"


@pytest.fixture
def tested(tmp_path):
    """A tested run, and its pairs."""
    scored = ScoredSet.from_arrays(**embedded_people())
    folder = tmp_path / "run" / "test"
    write_metrics(folder / "metrics.json", Measurement(score="cosine", sets={"orl": summarise(scored, resamples=5)}))
    write_scores(folder / "orl_scores.csv", scored, Names())
    write_lengths(folder / "orl_lengths.csv", scored, Names())
    return measured_runs(folder)[0], scored


def test_lengths_of_a_test_give_the_curve(tested):
    run, scored = tested
    found = discard_of(run, "orl", fmr=0.05)
    falling = np.sort(scored.scores[~scored.same].astype(float))[::-1]
    assert (scored.scores[~scored.same] >= found.threshold).sum() == int(0.05 * len(falling))
    lengths = np.linalg.norm(scored.embeddings.numpy().astype(float), axis=1)
    quality = lengths[scored.pairs].min(axis=1)
    for share, rate in zip(found.curve.pairs, found.curve.fnmr, strict=True):
        kept = np.sort(quality[scored.same])[round(share * 72)]
        chosen = scored.same & (quality >= kept - 1e-9)
        assert rate == pytest.approx((scored.scores[chosen] < found.threshold).mean())
    assert found.genuine == 72
    assert found.ideal_area < found.area


def test_a_file_of_qualities_takes_the_place_of_lengths(tested, tmp_path):
    run, scored = tested
    rejected = (scored.scores < discard_of(run, "orl", fmr=0.05).threshold) & scored.same
    bad = set(scored.pairs[rejected].ravel().tolist())
    rows = [f"p{index // 4:02d}/{index % 4}.jpg,{0.1 if index in bad else 0.9}" for index in range(48)]
    file = tmp_path / "q.csv"
    file.write_text("image,quality\n" + "\n".join(rows) + "\n")
    found = discard_of(run, "orl", str(file), fmr=0.05)
    assert found.quality == "q.csv"
    assert found.curve.fnmr.tolist() == [pytest.approx(rejected.sum() / 72), 0.0]
    assert found.curve.images[1] == len(bad) / 48
    (run.folder / "orl_lengths.csv").unlink()
    with pytest.raises(FileNotFoundError, match="`facerec test --ckpt_path .*run` writes them"):
        discard_of(run, "orl")


def test_a_rate_that_cannot_be_used_is_refused(tested):
    run, _ = tested
    with pytest.raises(ValueError, match=r"--fmr 0.001: 1056 impostor pairs cannot support this rate. From 0.0095"):
        discard_of(run, "orl", fmr=0.001)
    with pytest.raises(ValueError, match="no genuine pair is rejected"):
        discard_of(run, "orl", fmr=1.0)


def test_the_form_of_xqlfw_is_read(tmp_path):
    file = tmp_path / "xqlfw_scores.txt"
    file.write_text("ID Num Score\nAaron_Eckhart 1 0.75\nZydrunas_Ilgauskas 12 1.5e-1\n\n")
    assert read_qualities(file) == {
        "Aaron_Eckhart/Aaron_Eckhart_0001": 0.75,
        "Zydrunas_Ilgauskas/Zydrunas_Ilgauskas_0012": 0.15,
    }
    names = ["Zydrunas_Ilgauskas/Zydrunas_Ilgauskas_0012.jpg", "Aaron_Eckhart/Aaron_Eckhart_0001.png"]
    assert matched(names, read_qualities(file), file).tolist() == [0.15, 0.75]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line must be image,quality"),
        ("name,quality\na.png,1\n", "begins with 'name,quality'"),
        ("image,quality\na.png,good\n", "line 2: .* is no image and its quality"),
        ("image,quality\na.png\n", "line 2"),
        ("image,quality\na.png,nan\n", "line 2: the quality nan is not finite"),
        ("image,quality\na.png,1\na.jpg,2\n", "line 3: a has a quality already"),
        ("ID Num Score\nann one 1\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_line(text, message, tmp_path):
    (tmp_path / "q.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_qualities(tmp_path / "q.csv")


def test_names_agree_from_their_ends():
    known = {"x/ann/1": 1.0, "x/bob/1": 2.0}
    assert matched(["bob/1.png", "ann/1.jpg"], known, "q.csv").tolist() == [2.0, 1.0]
    with pytest.raises(ValueError, match=r"no quality of 1 of 2 images, of ann/2.png for one"):
        matched(["ann/1.png", "ann/2.png"], known, "q.csv")
    with pytest.raises(ValueError, match=r"several qualities that may be those of 1.png"):
        matched(["1.png"], known, "q.csv")
    with pytest.raises(FileNotFoundError, match="image,quality"):
        read_qualities("none.csv")
    with pytest.raises(ValueError, match="needs embeddings"):
        write_lengths("x.csv", replace(five_pairs(), embeddings=None), Names())
