"""Model names to models, and how many requests a provider may have under way.

What is costly is made once: models are kept by name and server, and with them the library keeps their HTTP clients.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from inspect import signature
from typing import Any
from urllib.parse import urlsplit

from httpx2 import InvalidURL
from pydantic_ai.exceptions import UserError as LibraryUserError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, infer_model
from pydantic_ai.profiles import merge_profile
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers import Provider, infer_provider, infer_provider_class
from pydantic_ai.usage import RequestUsage

from plait.agent.connecting import check_address, check_key
from plait.agent.scout import scout_model
from plait.agent.translate import first_line, in_turn, key_variable
from plait.agent.transport import http_client
from plait.config.models import SCOUT
from plait.host.http import is_private_name, leads_to_private
from plait.host.urls import parse_url, proxy_for
from plait.protocol.errors import PlaitError, ToolRefused, UserError

REQUESTS_A_PROVIDER = 8
SDK_CLIENTS = frozenset(("openai_client", "anthropic_client"))
"""What the constructors of providers take that make their requests with `httpx2`."""


def _join_prepared(model: Model) -> None:
    """Join what the library adds to the user's words while it prepares a request to those words."""
    prepare = model.prepare_messages

    def prepare_joined(messages: list[ModelMessage], parameters: ModelRequestParameters) -> list[ModelMessage]:
        return in_turn(prepare(messages, parameters))

    # The library asks the model itself, whatever class its name led to.
    model.prepare_messages = prepare_joined  # type: ignore[method-assign, assignment]


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
    """Models, made on first use. One event loop.

    `key_of` returns a provider's key, if it is not in the environment; `environ` holds the proxy variables.
    """

    def __init__(
        self,
        key_of: Callable[[str], str | None] = lambda _: None,
        requests: int = REQUESTS_A_PROVIDER,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._key_of = key_of
        self._requests = requests
        self._environ = environ or {}
        self._models: dict[tuple[str, str | None], Model] = {}
        self._near: dict[str, bool | None] = {}
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

        if base_url is not None:
            check_address(base_url, "`base_url`")

        is_http = False

        def provider(provider_name: str) -> Provider[Any]:
            nonlocal is_http
            key = self._key_of(provider_name)
            check_key(key, key_variable(name))
            options: dict[str, Any] = {}
            if base_url is not None:
                options["base_url"] = base_url
            if key is not None:
                options["api_key"] = key
            if provider_name.startswith("gateway/") and not options:
                return infer_provider(provider_name)
            made = infer_provider_class(provider_name)
            if SDK_CLIENTS & signature(made).parameters.keys():
                options["http_client"] = http_client()
                is_http = True
            return made(**options)

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
        except PlaitError:
            raise
        except (TypeError, ValueError) as error:
            raise UserError(
                f"`{name}` cannot be used with `{base_url or 'its settings'}`: {first_line(error)}"
            ) from error
        # The chat templates of local servers refuse a second system message; hosted services take one as well.
        # The library's notes on text that looks like a frame of its own would be such messages in the middle, and so
        # would its explanation of them: as the user's words they explain themselves.
        one_system_message = OpenAIModelProfile(
            openai_chat_supports_multiple_system_messages=False,
            supports_inline_system_prompts=False,
            default_framing_announcement="never",
        )
        model.profile = merge_profile(model.profile, one_system_message)
        _join_prepared(model)
        # Also what came from the environment, past us.
        check_key(getattr(getattr(model, "client", None), "api_key", None), key_variable(name))
        if is_http and model.base_url is not None:
            check_address(model.base_url, f"the address of `{name}`")
        return model

    def way_to(self, model: Model) -> str:
        """Return a model's address for a message, and the proxy on the way there if the environment names one."""
        address = model.base_url or ""
        try:
            proxy = proxy_for(parse_url(address), self._environ)
        except ToolRefused:
            proxy = None
        # Without user and password.
        return f"`{address}`" + (f" (by the proxy `{proxy.rpartition('@')[2]}`)" if proxy else "")

    def is_near(self, model: Model) -> bool:
        """Return whether a model's server is on this machine or in its network, as far as that is known by now.

        A name is looked up in the background, once.
        """
        host = urlsplit(model.base_url or "").hostname or ""
        if host not in self._near:
            self._near[host] = is_private_name(host)
            if self._near[host] is None:
                found = asyncio.get_running_loop().run_in_executor(None, leads_to_private, host)
                found.add_done_callback(lambda done: self._found(host, done))
        return bool(self._near[host])

    def _found(self, host: str, done: asyncio.Future[bool]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._near[host] = done.result()

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
