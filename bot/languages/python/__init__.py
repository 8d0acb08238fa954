"""Python: functions by `ast`, tests by pytest (which runs unittest's too), installation by uv."""
