"""What was in a cart at each moment. Carts hold article -> number."""

import json


def save(snapshots):
    """All of them as text for the archive."""
    return json.dumps(snapshots)


def snapshots(events):
    """The cart after each event `(article, change)`; articles that reach zero are gone."""
    cart = {}
    taken = []
    for article, change in events:
        count = cart.get(article, 0) + change
        if count > 0:
            cart[article] = count
        else:
            cart.pop(article, None)
        taken.append(json.loads(json.dumps(cart)))
    return taken
