"""Sales by region."""


def regions_of(sales):
    """Regions in order of the alphabet."""
    return sorted({sale["region"] for sale in sales})


def by_region(sales):
    """Region -> {number of sales, their sum, the largest}."""
    table = {}
    for region in regions_of(sales):
        mine = [sale["cents"] for sale in sales if sale["region"] == region]
        table[region] = {"count": len(mine), "sum": sum(mine), "largest": max(mine)}
    return table
