import heapq


def top_k(items, k, key=None):
    """The k largest items, largest first; earlier items first among equals."""
    heap = []
    for order, item in enumerate(items):
        rank = key(item) if key else item
        entry = (rank, -order, item)
        if len(heap) < k:
            heapq.heappush(heap, entry)
        elif heap and entry > heap[0]:
            heapq.heapreplace(heap, entry)
    return [item for _, _, item in sorted(heap, reverse=True)]
