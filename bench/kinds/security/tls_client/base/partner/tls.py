"""How we talk to partners."""

import ssl


def client_context(ca_file=None, minimum=ssl.TLSVersion.TLSv1_2):
    """The TLS context for a partner's server; `ca_file` holds its own authority."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    context.minimum_version = minimum
    return context


def describe(context):
    """One line for the log."""
    return f"tls from {context.minimum_version.name}"
