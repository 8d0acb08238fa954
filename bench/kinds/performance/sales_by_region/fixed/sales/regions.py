"""Sales by region."""


def regions_of(sales):
    """Regions in order of the alphabet."""
    return sorted({sale["region"] for sale in sales})


def by_region(sales):
    """Region -> {number of sales, their sum, the largest}."""
    groups = {region: [] for region in regions_of(sales)}
    for sale in sales:
        groups[sale["region"]].append(sale["cents"])
    return {
        region: {"count": len(mine), "sum": sum(mine), "largest": max(mine)} for region, mine in groups.items()
    }
