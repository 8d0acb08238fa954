"""Webhooks that customers configure."""

import ipaddress
import json
import urllib.parse
import urllib.request


def body_of(event, payload):
    """What is sent for an event."""
    return json.dumps({"event": event, "payload": payload}, sort_keys=True).encode()
