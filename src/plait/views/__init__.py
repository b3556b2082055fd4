"""The faces: each knows the protocol and nothing else of Plait."""
