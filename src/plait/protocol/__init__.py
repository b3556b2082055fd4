"""The words that every layer speaks: effects, calls, events, commands, queries, errors, ports.

Standard library only. Nothing here opens a file, starts a process or reads a clock.
"""
