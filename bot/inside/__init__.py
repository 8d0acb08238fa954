"""Beyond the wall: these files run inside containers, with whatever Python the repository needs (3.8 at least).

Standard library only. Nothing in `bot` imports them; they are sent as files.
"""
