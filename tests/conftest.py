"""Small folders of real faces, and runs that are made once and looked at by many tests."""

import os
import shutil
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # as set below: a run in a process of its own adds in the same order
os.environ["MKL_NUM_THREADS"] = "1"  # torch takes the smaller one

import pytest
import torch
from hypothesis import settings
from PIL import Image

from facerec.cli import main
from facerec.data import FolderImages
from facerec.data.formats.orl import find_orl
from facerec.preparation import pack

# A few cases in every run, the same each time; `pytest --hypothesis-profile=long` looks for new ones.
settings.register_profile("quick", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("long", max_examples=1000, deadline=None, derandomize=False, print_blob=True)
settings.load_profile("quick")

SMALL = [
    "--trainer.max_epochs=2",
    "--trainer.precision=32-true",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--trainer.check_val_every_n_epoch=1",
    "--trainer.num_sanity_val_steps=0",
    "--model.image_size=[32,32]",
    "--model.backbone.init_args.width=4",
    "--model.backbone.init_args.embedding_dim=16",
    "--data.num_workers=0",
]


@pytest.fixture(autouse=True)
def _threads():
    torch.set_num_threads(1)


def face(person: int, image: int) -> Path:
    """File of one ORL face."""
    return find_orl() / f"s{person}" / f"{image}.pgm"


def save_face(person: int, image: int, path: Path) -> None:
    """One ORL face under another name and in the format that the name asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(face(person, image)).convert("RGB").save(path)


@pytest.fixture
def vggface_root(tmp_path: Path) -> Path:
    """Four people in train/ and dev/, pairs of two others: the layout that the course hands out."""
    root = tmp_path / "faces"
    for person in range(1, 5):
        for image in range(1, 5):
            save_face(person, image, root / "train" / f"n{person:06d}" / f"{image}.jpg")
        save_face(person, 9, root / "dev" / f"n{person:06d}" / "9.jpg")
    write_pairs(root, root / "ver_data")
    return root


@pytest.fixture
def shallow_root(vggface_root: Path) -> Path:
    """These and three people of few images: two of one, and one of two and a dev image."""
    for person, images in ((21, 1), (22, 1), (23, 2)):
        for image in range(images):
            save_face(person, image + 1, vggface_root / "train" / f"a{person}" / f"{image}.jpg")
    save_face(23, 9, vggface_root / "dev" / "a23" / "9.jpg")
    return vggface_root


@pytest.fixture
def folder(vggface_root: Path) -> FolderImages:
    """The training images of these people."""
    return FolderImages(str(vggface_root / "train"))


@pytest.fixture
def packed(folder: FolderImages, tmp_path: Path) -> str:
    """A pack of these images."""
    path = str(tmp_path / "train.pack")
    pack(folder, path, folder.root)
    return path


def write_pairs(root: Path, images: Path) -> None:
    """Pairs of people 30 to 33, two to validate and two to test, flat in one folder."""
    for name, people in (("val_pairs.txt", (30, 31)), ("test_pairs.txt", (32, 33))):
        for person in people:
            for image in range(1, 4):
                save_face(person, image, images / f"{person}_{image}.jpg")
        first, second = people
        genuine = [f"{person}_{i}.jpg {person}_{j}.jpg 1" for person in people for i, j in ((1, 2), (1, 3), (2, 3))]
        impostor = [f"{first}_{i}.jpg {second}_{j}.jpg 0" for i in range(1, 4) for j in range(1, 4)]
        (root / name).write_text("\n".join(genuine + impostor) + "\n")


@pytest.fixture(scope="session")
def orl_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished `facerec fit` on ORL, two epochs at a small size, in its own working directory."""
    folder = tmp_path_factory.mktemp("orl_run")
    here = Path.cwd()
    os.chdir(folder)
    try:
        main(["fit", *SMALL])
    finally:
        os.chdir(here)
    return folder / "runs" / "orl_resnet18_arcface" / "version_0"


@pytest.fixture
def run_copy(orl_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that run to work on, with its working directory."""
    shutil.copytree(orl_run.parents[2], tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return Path("runs", "orl_resnet18_arcface", "version_0")
