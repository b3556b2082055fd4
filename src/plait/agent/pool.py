"""Model names to models, and how many requests a provider may have under way.

What is costly is made once: models are kept by name and server, and with them the library keeps their HTTP clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from httpx2 import InvalidURL
from pydantic_ai.exceptions import UserError as LibraryUserError
from pydantic_ai.messages import ModelResponse
from pydantic_ai.models import Model, infer_model
from pydantic_ai.profiles import merge_profile
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers import Provider, infer_provider, infer_provider_class
from pydantic_ai.usage import RequestUsage

from plait.agent.scout import scout_model
from plait.agent.translate import first_line, key_variable
from plait.config.models import SCOUT
from plait.protocol.errors import UserError

REQUESTS_A_PROVIDER = 8


def has_price(model: Model) -> bool:
    """Return True if what a reply of the model costs can be told."""
    probe = ModelResponse(
        parts=[],
        usage=RequestUsage(input_tokens=1, output_tokens=1),
        model_name=model.model_name,
        provider_name=model.system,
        provider_url=model.base_url,
    )
    try:
        probe.cost()
    except LookupError:
        return False
    return True


class ModelPool:
    """Models, made on first use. One event loop."""

    def __init__(self, key_of: Callable[[str], str | None] = lambda _: None, requests: int = REQUESTS_A_PROVIDER):
        self._key_of = key_of
        self._requests = requests
        self._models: dict[tuple[str, str | None], Model] = {}
        self._places: dict[str, asyncio.Semaphore] = {}

    def add(self, name: str, model: Model) -> None:
        """Make a model known by a name of its own (tests, scripted runs)."""
        self._models[(name, None)] = model

    def model(self, name: str, base_url: str | None = None) -> Model:
        """Return the model of a name such as `anthropic:claude-sonnet-4-5`, `openai-chat:qwen3` or `scout`.

        Raises:
            UserError: The name, the key or the address will not do; one line says what to set.
        """
        key = (name, base_url)
        if key not in self._models:
            self._models[key] = self._make(name, base_url)
        return self._models[key]

    def _make(self, name: str, base_url: str | None) -> Model:
        if name == SCOUT:
            return scout_model()
        if ":" not in name:
            if base_url is None:
                raise UserError(f"`{name}` is not a model: name the provider too, as in `anthropic:{name}`.")
            name = f"openai-chat:{name}"

        def provider(provider_name: str) -> Provider[Any]:
            key = self._key_of(provider_name)
            if base_url is None and key is None:
                return infer_provider(provider_name)
            options: dict[str, Any] = {}
            if base_url is not None:
                options["base_url"] = base_url
            if key is not None:
                options["api_key"] = key
            made: Provider[Any] = infer_provider_class(provider_name)(**options)
            return made

        try:
            model = infer_model(name, provider_factory=provider)
        except LibraryUserError as error:
            if "api" in str(error).lower() and "key" in str(error).lower():
                raise UserError(
                    f"`{name}` needs a key: set {key_variable(name)} in the environment, "
                    "or run without a model (`--model scout`)."
                ) from error
            raise UserError(f"`{name}` cannot be used: {first_line(error)}") from error
        except ImportError as error:
            raise UserError(f"`{name}` needs an optional part: {first_line(error)}") from error
        except InvalidURL as error:
            raise UserError(
                f"`{name}` cannot be reached: an address among `base_url` and the proxy variables is none "
                f"({first_line(error)})."
            ) from error
        except (TypeError, ValueError) as error:
            raise UserError(
                f"`{name}` cannot be used with `{base_url or 'its settings'}`: {first_line(error)}"
            ) from error
        # The chat templates of local servers refuse a second system message; hosted services take one as well.
        one_system_message = OpenAIModelProfile(openai_chat_supports_multiple_system_messages=False)
        model.profile = merge_profile(model.profile, one_system_message)
        return model

    async def close(self) -> None:
        """Close the connections of every model. The pool is of no use afterwards."""
        for model in self._models.values():
            client = getattr(model, "client", None)
            if client is not None and hasattr(client, "close"):
                await client.close()
        self._models.clear()

    @asynccontextmanager
    async def place(self, model: Model) -> AsyncIterator[None]:
        """Hold one of the requests that a provider may have under way at once."""
        places = self._places.setdefault(model.system, asyncio.Semaphore(self._requests))
        async with places:
            yield
