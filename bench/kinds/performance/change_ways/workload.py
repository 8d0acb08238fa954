def run(module):
    return [module.ways(n) for n in (70, 90, 100)]
