"""Files that look like images and are not read: every command counts them and names their kind."""

from pathlib import Path

import pytest

from facerec.data import FolderImages, UnlabelledImages
from facerec.data.images import HEIF, more_formats
from facerec.data.unread import unread_below, unread_in
from tests.cli.conftest import run
from tests.conftest import save_face

SAID = "12 .psd files are not read: convert them to JPEG or PNG"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Six people of two images and two Photoshop files each, beside what is no image at all."""
    root = tmp_path / "people"
    for person in range(1, 7):
        for image in (1, 2):
            save_face(person, image, root / f"s{person}" / f"{image}.png")
        for image in range(2):
            (root / f"s{person}" / f"{image}.psd").write_bytes(b"8BPS")
    for name in ("notes.txt", "s1/.hidden.psd", "s2/LICENSE", "s2/points.json"):
        (root / name).write_text("no image")
    return root


def test_each_kind_is_counted_with_its_way_out(people) -> None:
    save_face(1, 3, people / "s1" / "3.png")
    (people / "s1" / "3.png").rename(people / "s1" / "3")
    (people / "s2" / "faces.zip").touch()
    (people / "s3" / "deep").mkdir()
    (people / "s3" / "deep" / "train.rec").touch()
    assert unread_below([people]) == {".psd": 12, "": 1, ".zip": 1, ".rec": 1}
    assert unread_in(people) == [
        f"{people}: 1 file without a suffix is not read: give images their suffix, such as .jpg",
        f"{people}: {SAID}",
        f"{people}: 1 .rec file is not read: name the set by its own source, see facerec/data/README.md",
        f"{people}: 1 .zip file is not read: unpack them",
    ]


def test_photographs_of_an_iphone_are_named_with_the_plugin(people) -> None:
    if HEIF in more_formats():
        pytest.skip("the plugin is installed")
    (people / "s1" / "IMG_1.HEIC").touch()
    assert any(
        "1 .heic file is not read: convert them to JPEG or PNG, or pip install pillow-heif" in line
        for line in FolderImages(str(people)).unread()
    )


def test_a_folder_of_nothing_else_says_so(tmp_path) -> None:
    (tmp_path / "people" / "ann").mkdir(parents=True)
    (tmp_path / "people" / "ann" / "1.cr2").touch()
    for source in (FolderImages(str(tmp_path / "people")), UnlabelledImages(str(tmp_path / "people" / "ann"))):
        with pytest.raises(ValueError, match=r"holds no images.*\. 1 \.cr2 file is not read: convert"):
            len(source)


def test_links_in_a_circle_end(people) -> None:
    (people / "s1" / "again").symlink_to(people)
    assert unread_below([people])[".psd"] == 12


@pytest.mark.parametrize(
    ("command", "options", "status"),
    [
        ("align", ["faces", "--center_crop"], 1),
        ("split", ["set", "--shares", "1", "1", "1", "--seed", "13"], 0),
        ("inspect", ["--output", "report", "--workers", "0"], 0),
        ("pack", ["people.pack"], 1),
    ],
)
def test_commands_on_folders_count_them(command, options, status, people, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(command, "people", *options) == status
    assert SAID in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "options"), [("enroll", ["--output", "new.npz"]), ("embed", ["--output", "new.npz"])]
)
def test_commands_with_a_model_count_them(command, options, people, orl_run, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    best = next((orl_run / "checkpoints").glob("best-*.ckpt"))
    assert run(command, "people", *options, "--ckpt_path", best) == 1
    assert SAID in capsys.readouterr().err
    assert Path("new.npz").is_file()
    assert run("predict", "--classify", "people/s1", "--output", "new.csv", "--ckpt_path", best) == 0
    assert "2 .psd files are not read" in capsys.readouterr().err


def test_a_training_warns_of_them(vggface_root) -> None:
    from facerec.data import FaceDataModule

    for image in range(3):
        (vggface_root / "train" / "n000001" / f"{image}.psd").touch()
    with pytest.warns(UserWarning, match="3 .psd files are not read"):
        FaceDataModule(str(vggface_root), image_size=(8, 8)).setup("fit")
