"""Fixtures around the small release of ``small_release.py``."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def support():
    """The module ``small_release``, found by its path: tests are no packages."""
    path = Path(__file__).with_name("small_release.py")
    spec = importlib.util.spec_from_file_location("small_release", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def files(support):
    return support.bundle_files()


@pytest.fixture(scope="session")
def class_files(support):
    return support.bundle_files("classes")


@pytest.fixture(scope="session")
def ridge_files(support):
    return support.bundle_files("ridge")


@pytest.fixture(scope="session")
def bundle_root(tmp_path_factory):
    return tmp_path_factory.mktemp("bundles")


@pytest.fixture(scope="session")
def directory(support, bundle_root, files):
    return support.write_bundle(bundle_root, files)


@pytest.fixture(scope="session")
def ridge_directory(support, bundle_root, ridge_files):
    return support.write_bundle(bundle_root, ridge_files)


@pytest.fixture
def request_body(support):
    return support.request_body
