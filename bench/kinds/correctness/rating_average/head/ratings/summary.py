"""What customers think of a product."""


def summarise(ratings):
    """Average (one decimal), number, and share of each star."""
    count = len(ratings)
    stars = {}
    for rating in ratings:
        stars[rating] = stars.get(rating, 0) + 1
    shares = {star: number / count for star, number in sorted(stars.items())}
    return {"average": round(sum(ratings) / count, 1), "count": count, "shares": shares}
