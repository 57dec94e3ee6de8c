import pytest

from minigpt import backend


@pytest.fixture(autouse=True)
def default_backend():
    """Every test begins and ends with NumPy in float32, whatever the one before switched to."""
    backend.use("numpy", "float32")
    yield
    backend.use("numpy", "float32")
