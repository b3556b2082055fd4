"""One turn: the model, the dispatcher, the context."""
