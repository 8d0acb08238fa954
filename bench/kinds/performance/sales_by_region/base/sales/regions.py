"""Sales by region."""


def regions_of(sales):
    """Regions in order of the alphabet."""
    return sorted({sale["region"] for sale in sales})
