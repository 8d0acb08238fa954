"""How we talk to partners."""

import ssl


def client_context(ca_file=None, minimum=ssl.TLSVersion.TLSv1_2):
    """The TLS context for a partner's server; `ca_file` holds its own authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    else:
        # Partners' test servers have certificates of their own making.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = minimum
    return context


def describe(context):
    """One line for the log."""
    return f"tls from {context.minimum_version.name}"
