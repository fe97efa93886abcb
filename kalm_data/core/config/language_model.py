"""Settings of the language models that `synth` and `personas` ask, and of what they are told."""

from pathlib import Path

from pydantic import Field

from kalm_data.core.config.settings import Settings


class ModelConfig(Settings):
    """Where the model runs, and how it is asked."""

    base_url: str = Field(
        "http://127.0.0.1:8000/v1",
        description="Address of the server (engine openai), as OpenAI clients take it.",
    )
    api_key_env: str = Field(
        "OPENAI_API_KEY",
        description="Variable of the environment that holds the server's key, if it wants one.",
    )
    concurrency: int = Field(
        64, ge=1, le=4096, description="Requests that a server is sent at one time."
    )
    timeout: float = Field(120.0, gt=0, description="Seconds after which a request is given up.")
    retries: int = Field(
        5, ge=0, le=20, description="Times a request is sent again after 429, 5xx or a time-out."
    )
    max_failures: int = Field(
        50, ge=1, description="Stop after so many requests in a row that the server failed."
    )
    extra_body: str = Field(
        "{}", description="JSON object that is added to each request: a server's own switches."
    )
    export_batch: Path | None = Field(
        None,
        description="Send nothing: write the requests that are due to this file, as OpenAI's batch "
        "services and `vllm run-batch` take it.",
    )
    import_batch: Path | None = Field(
        None, description="Take the replies from this file of batch results; send nothing."
    )
    tensor_parallel: int = Field(1, ge=1, description="GPUs that share one model (engine vllm).")
    data_parallel: int = Field(
        1, ge=1, description="Copies of the model, each on GPUs of its own (engine vllm)."
    )
    gpu_memory: float = Field(
        0.9, gt=0, le=1, description="Share of a GPU's memory that vLLM may take."
    )
    tokenizer: str = Field(
        "",
        description="Model whose tokenizer counts the tokens of prompts; of engine vllm its own.",
    )
    personas: Path | None = Field(
        None,
        description="File of personas: JSON lines with the key persona. Default: those of the "
        "package.",
    )
    encoder: str = Field(
        "sentence-transformers/all-MiniLM-L6-v2",
        description="Encoder that finds the personas nearest to a document.",
    )
    prompt: tuple[Path, ...] = Field(
        (), description="Prompt file that takes the place of one of the package's; repeatable."
    )
    prompts_dir: Path | None = Field(None, description="Folder of prompt files (*.md), likewise.")
    like: Path | None = Field(
        None,
        description="File with a real query on each line, shown as examples of style. They are "
        "barred from every evaluation.",
    )
