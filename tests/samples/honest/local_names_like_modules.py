"""Local names that are also modules and builtins."""
# --- module
import types
import signal
import code
# --- original
def summary(response, types, input):
    signal = response.signal
    return signal, response.types[0], input
# --- candidate
def summary(response, types, input):
    signal = response.signal or 0
    code = response.code
    return signal, code, types[0], input.strip(), response.resource()
