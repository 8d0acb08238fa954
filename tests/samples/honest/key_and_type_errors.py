"""Two narrow handlers and a chained raise."""
# --- module
class ConfigError(Exception):
    pass
# --- original
def setting(config, name):
    return int(config[name])
# --- candidate
def setting(config, name):
    try:
        return int(config[name])
    except KeyError as error:
        raise ConfigError(f"{name} is missing") from error
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} is not a number") from error
