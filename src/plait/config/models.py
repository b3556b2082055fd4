"""Which model is used if none is named: by the keys that are there. Standard library only, for the first frame."""

from __future__ import annotations

from collections.abc import Mapping

from plait.config.shape import Loaded

SCOUT = "scout"
# The variable whose presence makes a provider's model the default, and that model.
DEFAULT_MODELS = (
    ("ANTHROPIC_API_KEY", "anthropic:claude-sonnet-5-5"),
    ("OPENAI_API_KEY", "openai:gpt-6.1-terra"),
    ("GOOGLE_API_KEY", "google:gemini-3.8-flash"),
    ("OPENROUTER_API_KEY", "openrouter:anthropic/claude-sonnet-5.5"),
)

# By the part of a model's name before the colon.
KEY_VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openai-chat": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    "google": "GOOGLE_API_KEY",
    "google-gla": "GOOGLE_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
}


def model_name(loaded: Loaded, environ: Mapping[str, str]) -> str:
    """Return the model to use: the one that is set, else that of the first key there is, else `scout`."""
    if loaded.settings.model is not None:
        return loaded.settings.model
    return next((name for variable, name in DEFAULT_MODELS if environ.get(variable)), SCOUT)
