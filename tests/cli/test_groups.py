"""`facerec test` at the threshold: groups of people, what it prints, keeps and draws; images without a face."""

import csv
import json
from pathlib import Path

import pytest

from facerec.align import Acquisition
from facerec.align.record import Alignment, record_text
from facerec.reports import read_metrics, read_qualities
from tests.cli.conftest import assert_refused, best_file, run
from tests.conftest import save_face

QUIET = ("--trainer.enable_progress_bar", "false")


@pytest.fixture
def people(tmp_path) -> Path:
    """Two groups of five ORL test people each."""
    file = tmp_path / "people.csv"
    lines = [f"s{number},{'even' if number % 2 == 0 else 'odd'}" for number in range(31, 41)]
    file.write_text("\n".join(["person,parity", *lines, "zed,odd"]) + "\n")
    return file


def test_groups_are_printed_kept_and_drawn(run_copy, people, capsys):
    assert run("test", "--ckpt_path", best_file(run_copy), "--groups", people, *QUIET) == 0
    said = capsys.readouterr().out
    assert "groups of orl, at that threshold:" in said
    kept = read_metrics(run_copy / "test" / "metrics.json")
    [found] = kept.sets["orl"].groups
    assert [(group.name, group.people, group.frr.pairs, group.far.pairs) for group in found.groups] == [
        ("even", 5, 225, 1000),
        ("odd", 5, 225, 1000),
    ]
    assert found.threshold == kept.calibration["threshold"]
    with (run_copy / "test" / "orl_scores.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["same"] == "1"]
    rejected = [float(row["score"]) < found.threshold for row in rows if int(Path(row["image_1"]).parent.name[1:]) % 2]
    assert found.groups[1].frr.errors == sum(rejected)
    assert run("plot", "groups", run_copy, "--format", "png") == 0
    assert Path(capsys.readouterr().out.strip()).stat().st_size > 10_000


def test_groups_that_cannot_be_measured_are_refused(run_copy, people, tmp_path, capsys):
    best = ("--ckpt_path", best_file(run_copy))
    assert_refused("leave it out", capsys, "validate", *best, "--groups", people)
    assert_refused("no such file", capsys, "test", *best, "--groups", "none.csv")
    (tmp_path / "others.csv").write_text("person,sex\nann,f\n")
    assert_refused(
        "it names ann, ..., and the pairs show s31", capsys, "test", *best, "--groups", tmp_path / "others.csv"
    )
    assert_refused("has no test: `facerec test", capsys, "plot", "groups", run_copy)


def test_groups_of_the_set_need_no_file(run_copy, tmp_path, capsys):
    """Ten ORL test people as two races of RFW, whose lists pair each with everybody."""
    for start, race in ((31, "Asian"), (36, "Indian")):
        people = range(start, start + 5)
        lines = [f"s{person}\t{i}\t{j}" for person in people for i in range(1, 5) for j in range(i + 1, 5)]
        lines += [
            f"s{one}\t{i}\ts{other}\t{i}" for one in people for other in range(one + 1, start + 5) for i in (1, 2, 3)
        ]
        (tmp_path / "rfw" / "txts" / race).mkdir(parents=True)
        (tmp_path / "rfw" / "txts" / race / f"{race}_pairs.txt").write_text("\n".join(lines))
        for person in people:
            for image in range(1, 5):
                save_face(person, image, tmp_path / "rfw" / "data" / race / f"s{person}" / f"s{person}_{image:04d}.jpg")
    settings = {"root": str(tmp_path / "rfw"), "races": ["Asian", "Indian"]}
    sets = json.dumps({"rfw": {"class_path": "facerec.data.RFWPairs", "init_args": settings}})
    assert run("test", "--ckpt_path", best_file(run_copy), "--data.test_pairs", sets, *QUIET) == 0
    assert "groups of rfw, at that threshold:" in capsys.readouterr().out
    [found] = read_metrics(run_copy / "test" / "metrics.json").sets["rfw"].groups
    assert found.name == "race"
    assert [(group.name, group.people, group.frr.pairs, group.far.pairs) for group in found.groups] == [
        ("Asian", 5, 30, 30),
        ("Indian", 5, 30, 30),
    ]


def test_qualities_that_a_set_comes_with_are_kept_and_drawn(run_copy, tmp_path, capsys):
    """Ten ORL test people as XQLFW, with qualities of its own; one image without a quality leaves all out."""
    root, people = tmp_path / "xqlfw", range(31, 41)
    lines = [f"s{one}\t1\t{number}" for one in people for number in (2, 3, 4)]
    lines += [f"s{one}\t1\ts{other}\t1" for one in people for other in range(one + 1, 41)]
    scores = {(person, number): (7 * person + 3 * number) % 11 / 10 for person in people for number in range(1, 5)}
    for person, number in scores:
        save_face(person, number, root / "xqlfw_aligned_112" / f"s{person}" / f"s{person}_{number:04d}.jpg")
    (root / "xqlfw_pairs.txt").write_text("\n".join(lines))
    text = "ID Num Score\n" + "".join(f"s{person} {number} {score}\n" for (person, number), score in scores.items())
    (root / "xqlfw_scores.txt").write_text(text)
    sets = json.dumps({"xq": {"class_path": "facerec.data.XQLFWPairs", "init_args": {"root": str(root)}}})
    test = ("test", "--ckpt_path", best_file(run_copy), "--data.test_pairs", sets, *QUIET)
    assert run(*test) == 0
    kept = read_qualities(run_copy / "test" / "xq_qualities.csv")
    assert {name[-8:]: quality for name, quality in kept.items()} == {
        f"s{person}_{number:04d}": score for (person, number), score in scores.items()
    }
    assert run("plot", "quality", run_copy, "--fmr", "0.3", "--format", "svg") == 0
    assert "xq_qualities.csv" in Path(capsys.readouterr().out.split()[-1]).read_text()
    (root / "xqlfw_scores.txt").write_text(text.rpartition("s40 4")[0])
    assert run(*test) == 0
    assert "xq: the qualities of the set were not kept:" in capsys.readouterr().out
    assert not (run_copy / "test" / "xq_qualities.csv").exists()


def test_images_that_a_detector_left_out_are_told_with_the_threshold(run_copy, tmp_path, capsys):
    root, lines = tmp_path / "faces", []
    for person in range(30, 36):
        for image in (1, 2, 3):
            save_face(person, image, root / f"p{person}" / f"{image}.jpg")
        lines += [f"p{person}/{one}.jpg p{person}/{two}.jpg 1" for one, two in ((1, 2), (1, 3), (2, 3))]
        lines += [f"p{person}/{image}.jpg p{other}/{image}.jpg 0" for other in range(30, person) for image in (1, 2)]
    (root / "test_pairs.txt").write_text("\n".join(lines) + "\n")
    (root / "alignment.json").write_text(record_text(Alignment("yunet", "", "112x112")))
    (root / "unaligned.txt").write_text(
        "p30/4.jpg\tno face\tno face\np31/9.jpg\tno face\tno face\nq/1.jpg\tno face\t\n"
    )
    test = ("test", "--ckpt_path", best_file(run_copy), "--data.root", root, "--data.test_pairs", "null", *QUIET)
    assert run(*test) == 0
    said = capsys.readouterr().out
    [name, summary] = next(iter(read_metrics(run_copy / "test_faces" / "metrics.json").sets.items()))
    found = summary.at_threshold
    assert found.acquisition == Acquisition(images=20, without_face=2)
    far, frr = 0.9 * found.fmr.rate, 0.1 + 0.9 * found.fnmr.rate
    assert f"no usable face in 2 of 20 images (FTA 10.00%): FAR {far:.2%}, FRR {frr:.2%}" in said
    assert f"  {name}: FMR {found.fmr.rate:.2%} (" in said
