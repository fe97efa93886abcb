import pytest

from kalm_data.engines.vllm_errors import find_cause

CORE = "(EngineCore pid=7) ERROR 11-24 16:19:26 [core.py:1510] "
WORKER = "(Worker pid=9) ERROR 11-24 16:19:24 [multiproc_executor.py:953] "


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("", "it ended without a word."),
        ("all is well\n", "it ended without a word."),
        (
            "Traceback (most recent call last):\n  File 'x.py'\ntorch.OutOfMemoryError: No room.\n",
            "OutOfMemoryError: No room.",
        ),
        ("Traceback (most recent call last):\nMemoryError\n", "MemoryError."),
        (
            f"{WORKER}Traceback (most recent call last):\n{WORKER}RuntimeError: no weights\n"
            f"{CORE}Exception: initialization failed\nRuntimeError: Engine failed\n",
            "RuntimeError: no weights.",
        ),
        (
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
            "  Value error, max_model_len (9) is greater than 8. [type=value_error, input=A]\n"
            "    For further information visit a page\n",
            "max_model_len (9) is greater than 8.",
        ),
    ],
)
def test_the_first_exception_is_the_cause(said: str, cause: str) -> None:
    assert find_cause(said) == cause


def test_a_long_cause_is_cut() -> None:
    assert len(find_cause(f"ValueError: {'x' * 5000}\n")) < 310


def test_a_broken_cache_of_compiled_code_is_named_with_what_to_do() -> None:
    said = (
        "torch._inductor.exc.InductorError: ImportError: /home/a/.cache/vllm/torch_compile_cache/"
        "torch_aot_compile/62/inductor_cache/bv/c.main.so: file too short\n"
    )
    assert find_cause(said).endswith(
        "file too short. Remove /home/a/.cache/vllm/torch_compile_cache and try again."
    )
