"""How good the search's answers are, on repositories it was not written for."""
