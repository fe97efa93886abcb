"""What can be told without vLLM; the rest is in tests/vllm."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from kalm_data.core.errors import InputError
from kalm_data.engines.vllm_engine import VllmEngine, VllmSettings


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_the_error_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'pip install "kalm-data\[vllm\]"'):
        VllmEngine(VllmSettings(str(tmp_path)))
