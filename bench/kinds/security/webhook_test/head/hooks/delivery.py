"""Webhooks that customers configure."""

import ipaddress
import json
import urllib.parse
import urllib.request


def send_test(url, timeout=5):
    """Sends a ping to a customer's address; (status, beginning of the answer)."""
    request = urllib.request.Request(url, data=body_of("ping", {}), headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.status, answer.read(200).decode("utf-8", "replace")


def body_of(event, payload):
    """What is sent for an event."""
    return json.dumps({"event": event, "payload": payload}, sort_keys=True).encode()
