"""`plait --print`: text, json and stream-json."""
