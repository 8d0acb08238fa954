VALUES = [(n * 31) % 1000 for n in range(6000)]


def run(module):
    return module.moving_average(VALUES, 1500)
