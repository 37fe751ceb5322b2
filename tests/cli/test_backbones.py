"""`facerec backbones` prints what it says."""

import pytest

from facerec.backbones.catalogue import CATALOGUE
from facerec.cli import main


def rows(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in text.splitlines()[1:] if not line.startswith("*")}


def test_it_lists_every_network_and_marks_those_above_the_limit(capsys) -> None:
    main(["backbones", "--no_speed"])
    text = capsys.readouterr().out
    table = rows(text)
    assert list(table) == list(CATALOGUE)
    assert table["mobilefacenet"] == ["mobilefacenet", "1,003,136", "221M", "128"]
    marked = {name for name, row in table.items() if row[1].endswith("*")}
    assert {"resnet101", "iresnet50", "nfnet_f0"} <= marked
    assert not marked & {"resnet50", "seresnet50", "convnext_tiny", "spherenet20"}
    assert "* above 30,000,000 parameters" in text


def test_it_measures_the_named_ones(capsys) -> None:
    settings = "--image_size 64 96 --seconds 0.01 --embedding_dim 32 --max_params 50000"
    main(["backbones", "lenet", "timm:test_resnet", *settings.split()])
    text = capsys.readouterr().out
    table = rows(text)
    assert text.splitlines()[0].endswith("images/s  at 64x96")
    assert table["lenet"][1] == "54,896*"
    assert table["lenet"][3] == table["timm:test_resnet"][3] == "32"
    assert float(table["lenet"][4].replace(",", "")) > 0


def test_an_unknown_name_gets_the_nearest(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["backbones", "resnet35"])
    assert stopped.value.code == 2
    assert "no network 'resnet35': choose one of resnet" in capsys.readouterr().err


def test_its_help_and_its_place_in_the_help(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["backbones", "--help"])
    assert "--max_params" in capsys.readouterr().out
    main(["--help"])
    assert "backbones  list the networks" in capsys.readouterr().out


def test_max_params_stops_a_training_that_is_too_large(capsys, vggface_root) -> None:
    with pytest.raises(SystemExit):
        main(
            [
                "fit",
                "--config=experiments/resnet34_arcface.yaml",
                "--trainer.fast_dev_run=1",
                f"--data.root={vggface_root}",
                "--model.max_params=20000000",
            ]
        )
    assert "max_params=20,000,000: ResNet has 21,544,384 parameters" in capsys.readouterr().err


def test_a_network_that_does_not_take_the_size_says_so_and_the_others_are_listed(capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["backbones", "lenet", "spherenet4", "timm:test_vit", "--no_speed", "--image_size", "48", "48"])
    assert stopped.value.code == 1
    text = capsys.readouterr().out
    assert "lenet              images of 48x48 are too small for LeNet" in text
    assert float(rows(text)["spherenet4"][2].rstrip("M")) > 1
    assert rows(text)["timm:test_vit"][3] == "512"
    main(["backbones", "--no_speed", "--image_size", "48", "48"])
    assert set(rows(capsys.readouterr().out)) == set(CATALOGUE)
    with pytest.raises(SystemExit):
        main(["backbones", "lenet", "--batch_size", "0"])
    assert "--batch_size=0: must be at least 1" in capsys.readouterr().err
