def run(module):
    return [module.is_prime(n) for n in (100003, 99991, 7919)]
