"""What a user reads about a configuration file that cannot be used: the file, the line, and what to do."""

from pathlib import Path

import pytest
import yaml

from facerec.cli.config_files import FOLLOWS, SECTIONS, check_config, line_of, read_config
from facerec.cli.training import DEFAULT_CONFIG
from tests.cli.conftest import run


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.yaml"):
        Path(name).write_text(text)
        return name

    return write


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model:\n  loss: {class_path: ArcFace\n", r"mine\.yaml, line 3 is not YAML: .*\(in what begins at line 2\)"),
        ("data:\n\troot: x\n", r"mine\.yaml, line 2 is not YAML: it is indented with a tab"),
        ("data: root: x\n", r"mine\.yaml, line 1 is not YAML: mapping values are not allowed"),
        ("- 1\n", "holds no settings"),
        ("", "holds no settings"),
        ("data: {root: x}\n\nmodel:\n  num_classes: 5\n", r"line 4: model\.num_classes cannot be set: it follows"),
        ("data:\n  root: x\n  seed: 1\n", r"line 3: data\.seed cannot be set: it follows from seed_everything"),
    ],
)
def test_a_file_that_cannot_be_used(text, message, config):
    with pytest.raises(ValueError, match=message):
        read_config(config(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("network: r50\nembedding_size: 512\nlr: 0.1\n", "it sets network, embedding_size, lr"),  # insightface's names
        ("model: resnet50\nbatch_size: 128\nlr: 0.1\n", "its model is 'resnet50'"),  # timm's
        ("model:\n  type: ImageClassifier\n  backbone: {type: ResNet}\n", "its model has 'type'"),  # mmcls
        ("DATASET: {NAME: ms1m}\nSOLVER: {LR: 0.1}\n", "it sets DATASET, SOLVER"),
        ("defaults: [aligners: none]\nmodels: {name: iresnet}\noptims: {lr: 0.1}\n", "it sets defaults, optims"),
    ],
)
def test_a_configuration_of_another_project(text, reason, config):
    with pytest.raises(ValueError, match=f"is not a configuration of facerec: {reason}.*Start from experiments/"):
        read_config(config(text))


def test_python_code_is_no_configuration(config):
    with pytest.raises(ValueError, match=r"config\.py is Python code, not YAML\. .* Start from"):
        read_config(config("config = edict()\n", "config.py"))


def test_a_slip_is_left_to_the_parser_which_knows_all_settings(config):
    assert read_config(config("modle: {image_size: [32, 32]}\n")) == {"modle": {"image_size": [32, 32]}}
    assert read_config(config("data: {root: x}\nbatch_size: 3\n"))["batch_size"] == 3


def test_every_experiment_is_ours():
    experiments = sorted((DEFAULT_CONFIG.parents[1] / "experiments").glob("*.yaml"))
    assert experiments
    for path in [DEFAULT_CONFIG, *experiments]:
        assert read_config(path).keys() <= set(SECTIONS)


def test_a_missing_file_gets_the_nearest_one(config):
    config("data: {}", "resnet34_arcface.yaml")
    with pytest.raises(FileNotFoundError, match=r"no configuration file resnet34\.yaml: did you mean resnet34_arcface"):
        check_config("resnet34.yaml")
    with pytest.raises(FileNotFoundError, match=r"no configuration file b\.yaml$"):
        check_config("b.yaml")
    Path("folder").mkdir()
    with pytest.raises(ValueError, match="folder is a folder"):
        check_config("folder")


def test_the_line_of_a_setting(config):
    first = config("model:\n  loss:\n    init_args: {scale: 64.0}\n", "first.yaml")
    second = config("model:\n  image_size: [32, 32]\n  backbone:\n    init_args:\n      scale: 2\n", "second.yaml")
    assert line_of([first, second], "scale") == "second.yaml, line 5"
    assert line_of([first, second], "scale", "64.0") == "first.yaml, line 3"
    assert line_of([first, second], "loss") == "first.yaml, line 2"
    assert line_of([first, "model: {loss: 3}", "missing.yaml"], "image_size") is None


def test_the_top_is_what_the_parser_has(capsys):
    """And what follows from others is in no file that facerec writes."""
    assert run("fit", "--print_config") == 0
    written = yaml.safe_load(capsys.readouterr().out)
    assert set(written) == set(SECTIONS)
    for name in FOLLOWS:
        section, _, setting = name.partition(".")
        assert setting not in written[section]


@pytest.mark.parametrize("command", ["fit", "test", "check"])
def test_commands_read_their_configuration_so(command, config, capsys):
    assert run(command, "--config", config("network: r50\n")) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"facerec {command}: mine.yaml is not a configuration of facerec")
    assert run("inspect", config("data: [\n")) == 2
    assert "mine.yaml, line 2 is not YAML:" in capsys.readouterr().err
