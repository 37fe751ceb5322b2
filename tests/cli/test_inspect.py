from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from facerec.cli import main
from facerec.data import ORLImages
from facerec.inspection.figures import GAP, SIDE
from facerec.transforms import Preprocess

CONFIG = """
seed_everything: 3
data:
  train: {class_path: ORLImages, init_args: {part: train}}
  dev: {class_path: ORLImages, init_args: {part: dev}}
  augment: {rotation: 20.0, erasing: 1.0}
  mix: {mixup: 1.0}
model: {image_size: [64, 48]}
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(CONFIG)
    return tmp_path


def test_a_folder_in_the_terminal(vggface_root, work, capsys):
    (vggface_root / "train" / "n000001" / "broken.jpg").write_bytes(b"<html>not found</html>")
    main(["inspect", str(vggface_root), "--workers", "0"])
    out = capsys.readouterr().out
    assert "train: 17 images, 4 people" in out
    assert "undecodable      1" in out
    assert "broken.jpg does not decode" in out
    assert "people in both train and val/pairs: unknown, no names to compare" in out
    for line in out.splitlines():
        if line.strip().startswith("4 #"):
            assert line.rstrip().endswith(" 3")
    written = {path.name for path in (work / "inspection" / "faces").iterdir()}
    assert written >= {"report.json", "duplicates.csv", "histogram.png", "contact_sheet.png", "journal.jsonl"}


def test_the_sources_of_a_configuration(work, capsys):
    main(["inspect", "mine.yaml", "--workers=0", "--output=here"])
    out = capsys.readouterr().out
    assert "train: 192 images, 24 people" in out
    assert "dev: 48 images, 24 people" in out
    assert (work / "here" / "report.json").is_file()


def test_the_pixels_of_the_training_images_can_be_pasted_as_the_scale_of_a_model(work, capsys):
    main(["inspect", "mine.yaml", "--workers=0", "--output=here"])
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("model:")]
    pasted = yaml.safe_load(line)["model"]
    faces = ORLImages("train")
    pixels = np.stack([faces.read(index).double().numpy() for index in range(len(faces))]) / 255.0
    np.testing.assert_allclose(pasted["image_mean"], pixels.mean((0, 2, 3)), atol=6e-5)
    np.testing.assert_allclose(pasted["image_std"], pixels.std((0, 2, 3)), atol=6e-5)
    scaled = Preprocess((112, 92), **{name.removeprefix("image_"): value for name, value in pasted.items()})
    normal = torch.cat([scaled(faces.read(index)[None]) for index in range(len(faces))])
    torch.testing.assert_close(normal.mean((0, 2, 3)), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(normal.std((0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_images_of_one_colour_have_no_scale_to_paste(work, capsys):
    for person in ("ada", "ben"):
        (work / "plain" / person).mkdir(parents=True)
        Image.new("RGB", (8, 8), "teal").save(work / "plain" / person / "1.png")
    main(["inspect", "plain", "--workers=0"])
    out = capsys.readouterr().out
    assert "pixel std RGB    0.0000" in out
    assert "image_std" not in out


def cell(sheet: np.ndarray, row: int, column: int) -> np.ndarray:
    top, right = GAP + row * (SIDE + GAP), sheet.shape[1] - GAP
    columns = 5
    left = right - (columns - column) * (SIDE + GAP) + GAP
    return sheet[top : top + SIDE, left : left + SIDE]


def test_a_figure_of_an_augmentation(work, capsys):
    main(["inspect", "--augment", "mine.yaml", "--draws", "5"])
    assert "6 rows, 5 draws" in capsys.readouterr().out
    sheet = np.asarray(Image.open(work / "inspection" / "mine" / "augmentation.png").convert("L")).astype(int)
    original = cell(sheet, 0, 0)
    names = ["as it is", "horizontal_flip", "rotation", "erasing", "all together", "mixed"]
    for row in range(2, len(names)):
        draws = np.stack([cell(sheet, row, column) for column in range(5)])
        assert (np.abs(draws - original).mean((1, 2)) > 0.5).all(), names[row]
        assert len(np.unique(draws.reshape(5, -1), axis=0)) == 5, names[row]
    flips = [np.abs(cell(sheet, 1, column) - original).mean() < 0.5 for column in range(5)]
    assert any(flips)
    assert not all(flips)


def test_transforms_of_torchvision_have_a_row_and_come_before_the_rest(work, capsys):
    darker = "transforms: [{class_path: ColorJitter, init_args: {brightness: [0.2, 0.3]}}]"
    (work / "darker.yaml").write_text(CONFIG.replace("mix: {mixup: 1.0}", darker))
    main(["inspect", "--augment", "darker.yaml", "--draws", "5"])
    assert "6 rows, 5 draws" in capsys.readouterr().out
    sheet = np.asarray(Image.open(work / "inspection" / "darker" / "augmentation.png").convert("L")).astype(int)
    face = (slice(SIDE // 4, SIDE // 2), slice(SIDE // 4, SIDE // 2))  # the sheet around it is white
    original = cell(sheet, 0, 0)[face].mean()
    darkness = [[cell(sheet, row, column)[face].mean() / original for column in range(5)] for row in (1, 3, 5)]
    assert all(0.18 < share < 0.32 for share in darkness[0])  # transforms
    assert all(share > 0.6 for share in darkness[1])  # rotation alone
    assert all(share < 0.5 for share in darkness[2])  # all together; erasing is grey


def test_a_person_of_another_folder_under_an_augmentation(vggface_root, work, capsys):
    main(["inspect", "--augment", "mine.yaml", str(vggface_root), "--person", "n000003", "--draws=2"])
    assert "n000003" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["inspect", "--augment", "mine.yaml", str(vggface_root), "--person", "nobody"])
    assert "--person nobody: not among the 4 people" in capsys.readouterr().err


def test_an_augmentation_of_a_configuration_that_names_no_data(vggface_root, work, capsys):
    (work / "plain.yaml").write_text("data: {augment: {horizontal_flip: 0.5}}\n")
    main(["inspect", str(vggface_root), "--augment", "plain.yaml", "--draws=2"])
    assert "2 draws" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["inspect", "--augment", "plain.yaml"])
    assert "plain.yaml names no training images: facerec inspect DATA --augment plain.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a folder DATA"),
        (["nowhere"], "nowhere: no such folder"),
        (["nowhere.yaml"], "nowhere.yaml"),
        (["."], "neither training images nor pairs"),
        (["mine.yaml", "--near_distance=64"], "distance=64"),
        (["mine.yaml", "--workers=-1"], "--workers=-1: must be at least 0"),
        (["--augment", "mine.yaml", "--draws=0"], "--draws=0: must be at least 1"),
        (["--augment", "typo.yaml"], "rotatoin"),
        (["--augment", "list.yaml"], "holds no settings"),
        (["--augment", "broken.yaml"], "is not YAML"),
    ],
)
def test_what_cannot_be_inspected_says_so(work, capsys, arguments, message):
    (work / "typo.yaml").write_text("data: {root: x, augment: {rotatoin: 3.0}}")
    (work / "list.yaml").write_text("- 1\n")
    (work / "broken.yaml").write_text("data: {")
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit):
        main(["inspect", "--help"])
    assert "facerec inspect --augment experiments/orl_resnet18_arcface.yaml" in capsys.readouterr().out
