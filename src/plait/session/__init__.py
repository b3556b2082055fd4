"""One conversation: inbox, event bus, log."""
