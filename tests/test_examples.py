"""Every class and function that a room exports has a docstring with an example; pytest runs them all."""

import inspect
from importlib import import_module
from types import GenericAlias

import pytest

ROOMS = (
    "align",
    "backbones",
    "callbacks",
    "data",
    "inference",
    "inspection",
    "losses",
    "losses.functional",
    "machine",
    "metrics",
    "optim",
    "preparation",
    "reports",
    "transforms",
)
MODULES = {"recognizer": "FaceRecognizer", "checkpoints": "ModelCard", "journal": "Journal"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_exported_name_has_an_example(room):
    module = import_module(f"facerec.{room}")
    exported = [getattr(module, name) for name in module.__all__]
    bare = [thing.__name__ for thing in exported if not _has_example(thing)]
    assert exported
    assert not bare


@pytest.mark.parametrize("module", MODULES)
def test_the_names_that_users_import_from_a_file_have_one(module):
    assert _has_example(getattr(import_module(f"facerec.{module}"), MODULES[module]))


def _has_example(thing: object) -> bool:
    is_alias = isinstance(thing, GenericAlias)  # a class for inspect, until Python 3.11
    is_documented = not is_alias and (inspect.isclass(thing) or inspect.isfunction(thing))
    return not is_documented or ">>>" in (thing.__doc__ or "")
