"""Rate of the OpenAI-compatible engine against the stand-in server, and what faults leave.

    python benchmarks/server_rate.py [--requests 10000] [--concurrency 128] [--latency-ms 200]

The server runs in a process of its own on the same machine. Bars: >= 90 % of the ideal rate
(concurrency / latency); with 20 % faults every request ends good or failed, none lost, none twice.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from machine import describe_machine

from kalm_data.core.synthesis import Reply, Request, Sampling
from kalm_data.engines.openai_server import OpenAIServer, ServerSettings

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"query": {"type": "string", "maxLength": 120}},
        "required": ["query"],
        "additionalProperties": False,
    }
)
PARAGRAPH = "The tide is the rise and fall of the sea that moon and sun bring about. " * 20


def make_requests(count: int) -> list[Request]:
    sampling = Sampling(0.7, 0.95, 256)
    return [
        Request(
            key=f"key-{place}",
            place=place,
            attempt=0,
            seed=place,
            prompt=f"{PARAGRAPH}\nWrite search query {place}.",
            schema=SCHEMA,
            sampling=sampling,
        )
        for place in range(count)
    ]


@contextmanager
def stand_in(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "kalm_data.engines.stand_in_server", "--port", "0"]
    with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def read_stats(base_url: str) -> dict[str, int]:
    with urllib.request.urlopen(f"{base_url.removesuffix('/v1')}/stats") as response:
        return json.load(response)


def run(settings: ServerSettings, requests: list[Request]) -> tuple[list[Reply], float]:
    started = time.perf_counter()
    replies = list(OpenAIServer(settings).generate(requests))
    return replies, time.perf_counter() - started


def measure_rate(count: int, concurrency: int, latency_ms: float) -> None:
    requests = make_requests(count)
    with stand_in("--latency-ms", str(latency_ms)) as base_url:
        settings = ServerSettings(base_url, "stand-in", concurrency=concurrency)
        used = time.process_time()
        replies, seconds = run(settings, requests)
        used = time.process_time() - used
        stats = read_stats(base_url)
    ideal = concurrency / latency_ms * 1000
    good = sum(not reply.failure for reply in replies)
    rate = len(replies) / seconds
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"rate: {count:,} requests, {latency_ms:g} ms, concurrency {concurrency}: {seconds:.1f} s, "
        f"{rate:.0f}/s, {rate / ideal:.1%} of the ideal {ideal:.0f}/s; {good:,} good; "
        f"{stats['high_water']} in flight at most; client {used / len(replies) * 1e3:.2f} ms of "
        f"processor a request, {memory:.0f} MiB at most"
    )


def measure_faults(count: int, concurrency: int, latency_ms: float, fault_rate: float) -> None:
    requests = make_requests(count)
    arguments = ("--latency-ms", str(latency_ms), "--fault-rate", str(fault_rate))
    with stand_in(*arguments) as base_url:
        settings = ServerSettings(
            base_url, "stand-in", concurrency=concurrency, timeout_s=2.0, retries=5, backoff_s=0.1
        )
        replies, seconds = run(settings, requests)
        stats = read_stats(base_url)
    answered = Counter(reply.key for reply in replies)
    lost = len({request.key for request in requests} - answered.keys())
    twice = sum(times > 1 for times in answered.values())
    ends = Counter(reply.failure or judge(reply) for reply in replies)
    print(
        f"faults: {count:,} requests, {fault_rate:.0%} of sendings faulty: {seconds:.1f} s, "
        f"{stats['requests']:,} sendings; {lost} lost, {twice} twice"
    )
    for end, times in ends.most_common():
        print(f"    {end:16} {times:6,}")


def judge(reply: Reply) -> str:
    """What the validation that follows the engine finds in a reply that arrived whole."""
    try:
        values = json.loads(reply.raw)
    except json.JSONDecodeError:
        return "(invalid_json)"
    return "good" if values.keys() == {"query"} else "(schema)"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--latency-ms", type=float, default=200.0)
    parser.add_argument("--fault-rate", type=float, default=0.2)
    given = parser.parse_args()
    print(describe_machine())
    measure_rate(given.requests, given.concurrency, given.latency_ms)
    measure_faults(given.requests, given.concurrency, given.latency_ms, given.fault_rate)


if __name__ == "__main__":
    main()
