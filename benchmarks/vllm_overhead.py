"""What `VllmEngine.generate` takes beyond `LLM.chat` on the same messages and sampling.

    python benchmarks/vllm_overhead.py [--model FOLDER] [--requests 2000] [--runs 5]

Runs alternate: `LLM.chat` here, `VllmEngine` in the process that it starts; the ratio is that of
the medians. Both models are loaded at a time: mind --gpu-memory. Without --model, a tiny Qwen2
with random weights is made. Needs the environment of `make test-slow` (.venv-vllm), or a GPU and
`pip install "kalm-data[vllm]"`. Bars: 1.05 on the tiny model, 1.03 on a GPU with a larger one.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

from machine import describe_machine

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")

from kalm_data.core.synthesis import Request, Sampling
from kalm_data.engines.vllm_engine import VllmEngine, VllmSettings

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 4, "maxLength": 60},
            "difficulty": {"enum": ["high school", "college", "PhD"]},
        },
        "required": ["query", "difficulty"],
        "additionalProperties": False,
    }
)
SYSTEM = "You write search queries that the document answers, in the voice of the persona. " * 3
DOCUMENT = "The tide is the rise and fall of the sea that moon and sun bring about. " * 4


def make_requests(count: int) -> list[Request]:
    sampling = Sampling(temperature=1.0, top_p=0.95, max_tokens=256)
    return [
        Request(
            key=f"key-{place}",
            place=place,
            attempt=0,
            seed=place,
            prompt_name="overhead",
            system=SYSTEM,
            prompt=f"{DOCUMENT}\nQuery {place}:",
            schema=SCHEMA,
            sampling=sampling,
        )
        for place in range(count)
    ]


def time_chat(llm, requests: list[Request]) -> float:  # noqa: ANN001
    from kalm_data.engines.vllm_model import TEMPLATE, make_messages, make_parameters

    started = time.perf_counter()
    llm.chat(
        [make_messages(request) for request in requests],
        [make_parameters(request) for request in requests],
        use_tqdm=False,
        chat_template_kwargs=TEMPLATE,
    )
    return time.perf_counter() - started


def time_engine(engine: VllmEngine, requests: list[Request]) -> float:
    started = time.perf_counter()
    counted = Counter(reply.failure for reply in engine.generate(requests))
    seconds = time.perf_counter() - started
    assert counted.total() == len(requests)
    return seconds


def compare(settings: VllmSettings, requests: list[Request], runs: int) -> float:
    from kalm_data.engines.vllm_model import VllmModel

    engine = VllmEngine(settings)
    llm = VllmModel(Path(settings.model), settings).llm
    time_engine(engine, requests)  # both once, for what is compiled and cached then
    time_chat(llm, requests)
    chats, engines = [], []
    for run in range(runs):
        chats.append(time_chat(llm, requests))
        engines.append(time_engine(engine, requests))
        print(f"run {run + 1}: LLM.chat {chats[-1]:.2f} s, VllmEngine {engines[-1]:.2f} s")
    ratio = median(engines) / median(chats)
    print(
        f"{len(requests):,} requests, medians of {runs}: LLM.chat {median(chats):.2f} s, "
        f"VllmEngine {median(engines):.2f} s, ratio {ratio:.3f}"
    )
    return ratio


def tiny_model(folder: Path) -> Path:
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "vllm"))
    from conftest import make_model

    return make_model(folder / "tiny")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="folder of a model; default: a tiny one, made here")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gpu-memory", type=float, default=0.4, help="share for each of the two")
    parser.add_argument("--bar", type=float, default=1.05)
    options = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or str(tiny_model(Path(folder)))
        settings = VllmSettings(model, gpu_memory=options.gpu_memory)
        ratio = compare(settings, make_requests(options.requests), options.runs)
    sys.exit(ratio > options.bar)


if __name__ == "__main__":
    main()
