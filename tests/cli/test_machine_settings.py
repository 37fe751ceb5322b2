"""`auto` in the settings of a run becomes what the machine gets, and is recorded as that."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import Namespace
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facerec.cli import machine_settings, main
from facerec.data import FaceDataModule
from facerec.machine import Gpu, Machine, choices
from tests.conftest import SMALL

RUN = Path("runs", "orl_resnet18_arcface", "version_0")
AUTO = [option for option in SMALL if not option.startswith(("--trainer.precision", "--data.num_workers"))]
LAPTOP = Machine(cores=2)
GPU = Machine(cores=4, gpus=(Gpu("A100", 2**35, has_bfloat16=True),))


@pytest.fixture
def on(monkeypatch):
    """Choose for another machine; the run itself stays on this one's CPU."""

    def put(machine: Machine) -> None:
        monkeypatch.setattr(choices, "this_machine", lambda: machine)

    return put


def settings_of(run: Path) -> dict:
    return yaml.safe_load((run / "config.yaml").read_text())


def recorded(run: Path) -> list[str]:
    """The precision in the run's file, in its checkpoint and in TensorBoard."""
    kept = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["facerec"]["configuration"]
    events = EventAccumulator(str(run))
    events.Reload()
    shown = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    texts = [(run / "config.yaml").read_text(), kept, shown]
    return [next(line.strip() for line in text.splitlines() if "  precision:" in line) for text in texts]


def test_the_choice_is_recorded_and_a_resume_keeps_it(tmp_path, monkeypatch, on, recwarn):
    monkeypatch.chdir(tmp_path)
    on(Machine(bfloat16="AMX"))
    main(["fit", *AUTO, "--trainer.precision=auto", "--data.num_workers=auto", "--trainer.max_epochs=1"])
    assert recorded(RUN) == ["precision: bf16-mixed"] * 3
    assert settings_of(RUN)["data"]["num_workers"] == 0
    assert not [warning for warning in recwarn.list if "trainer.precision" in str(warning.message)]
    on(LAPTOP)
    with pytest.warns(UserWarning, match="trainer.precision=bf16-mixed: this CPU has no fast bfloat16"):
        main(["fit", "--ckpt_path", str(RUN / "checkpoints" / "last.ckpt"), "--trainer.max_epochs=2"])
    assert recorded(RUN) == ["precision: bf16-mixed"] * 3


def test_the_file_of_a_user_may_say_auto_or_nothing(tmp_path, monkeypatch, on):
    monkeypatch.chdir(tmp_path)
    on(LAPTOP)
    default = Path(machine_settings.__file__).parents[1] / "default.yaml"
    settings = yaml.safe_load(default.read_text())
    for name, precision in (("said", {"precision": "auto"}), ("unsaid", {})):
        settings["trainer"] = {"max_epochs": 1, "limit_train_batches": 1} | precision
        Path(f"{name}.yaml").write_text(yaml.safe_dump(settings))
        main(["fit", "--config", f"{name}.yaml", *AUTO, "--trainer.max_epochs=1"])
        assert recorded(Path("runs", name, "version_0")) == ["precision: 32-true"] * 3


def parsed(settings: object) -> Any:
    """Settings as the parser gives them."""
    if isinstance(settings, dict):
        return Namespace(**{name: parsed(value) for name, value in settings.items()})
    return [parsed(value) for value in settings] if isinstance(settings, list) else settings


def chosen(trainer: dict | None = None, data: dict | None = None) -> Namespace:
    """Settings of a trainer and of data after the choice."""
    defaults = {"accelerator": "auto", "devices": "auto", "precision": "auto", "plugins": None}
    settings = parsed({"trainer": defaults | (trainer or {}), "data": {"num_workers": "auto"} | (data or {})})
    machine_settings.choose_for_machine(settings)
    return settings


def test_workers_by_the_source_of_the_training_images(on):
    on(GPU)
    folder = {"class_path": "facerec.data.FolderImages", "init_args": {"root": "faces"}}
    pack = {"class_path": "facerec.data.PackedImages", "init_args": {"path": "faces.pack"}}
    assert chosen(data={"train": folder}).data.num_workers == 3
    assert chosen(data={"train": pack}).data.num_workers == 0
    assert chosen(data={"train": folder, "num_workers": 2}).data.num_workers == 2
    assert chosen(trainer={"accelerator": "cpu"}).data.num_workers == 0


def test_a_precision_plugin_keeps_the_precision(on):
    on(GPU)
    plugin = {"class_path": "lightning.pytorch.plugins.MixedPrecision", "init_args": {"precision": "bf16-mixed"}}
    cluster = {"class_path": "lightning.pytorch.plugins.environments.LightningEnvironment", "init_args": {}}
    assert chosen({"plugins": [cluster, plugin]}).trainer.precision is None
    assert chosen({"plugins": [cluster]}).trainer.precision == "bf16-mixed"
    assert chosen({"plugins": "a_name"}).trainer.precision == "bf16-mixed"


def test_an_accelerator_given_as_a_class(on):
    on(GPU)
    cpu = {"class_path": "lightning.pytorch.accelerators.CPUAccelerator", "init_args": {}}
    assert chosen({"accelerator": cpu}).trainer.precision == "32-true"


def test_batch_statistics_of_several_processes_need_gpus(on):
    on(LAPTOP)
    with pytest.raises(ValueError, match=r"trainer\.sync_batchnorm works on GPUs alone, and this run is on cpu"):
        chosen({"sync_batchnorm": True})
    on(GPU)
    assert chosen({"sync_batchnorm": True}).trainer.sync_batchnorm


def test_the_data_module_alone_chooses_too(on, vggface_root):
    on(GPU)
    assert FaceDataModule(str(vggface_root)).num_workers == 3
    assert FaceDataModule(str(vggface_root), num_workers=1).num_workers == 1
    on(LAPTOP)
    assert FaceDataModule(str(vggface_root)).num_workers == 0


def test_a_processor_without_bfloat16_gets_float32(tmp_path):
    """The two variables make this machine compute as a laptop with AVX2 does; the choice must see them."""
    environment = os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    command = [
        sys.executable,
        "-m",
        "facerec",
        "fit",
        *AUTO,
        "--model.backbone.init_args.width=8",
        "--trainer.max_epochs=1",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "trainer.precision: auto is 32-true: the processor has neither AMX nor AVX512-BF16 in use" in done.stderr
    assert recorded(tmp_path / RUN) == ["precision: 32-true"] * 3
