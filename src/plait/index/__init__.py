"""The code index: what is defined, imported and spoken of where. See `index.code_index` for its face."""
