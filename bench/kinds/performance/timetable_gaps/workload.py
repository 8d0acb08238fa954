TIMES = [f"2024-01-{1 + n % 28:02} {n % 24:02}:{(n * 7) % 60:02}" for n in range(60)]


def run(module):
    return module.longest_gap(TIMES)
