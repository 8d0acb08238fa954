"""A tiny model trained from scratch on generated functions: does execution guidance help it?"""
