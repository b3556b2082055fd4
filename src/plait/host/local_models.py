"""Model servers on this machine that speak OpenAI's protocol: Ollama, LM Studio, llama.cpp. Asked only on request."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor

from plait.protocol.queries import ModelChoice

SERVERS = (("Ollama", 11434), ("LM Studio", 1234), ("llama.cpp", 8080))
PROBE_LIMIT_S = 0.3
MOST_BYTES = 1_000_000


def choices() -> tuple[ModelChoice, ...]:
    """Return the models that servers on this machine offer now. Blocks for at most 0.3 s."""
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        listed = list(pool.map(lambda server: models_at(server[1]), SERVERS))
    return tuple(
        ModelChoice(f"openai-chat:{model}", f"{name} on this machine", f"http://127.0.0.1:{port}/v1")
        for (name, port), models in zip(SERVERS, listed, strict=True)
        for model in models or ()
    )


def models_at(port: int) -> list[str] | None:
    """Return the models that the server at this port of 127.0.0.1 offers; None if there is no such server."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_LIMIT_S)
    try:
        connection.request("GET", "/v1/models")
        listing = json.loads(connection.getresponse().read(MOST_BYTES))
        return [str(model["id"]) for model in listing["data"]]
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, RecursionError):
        return None
    finally:
        connection.close()
