import pytest

from recipes.scale import Recipe


def test_scaled():
    recipe = Recipe(4, {"flour": (500, "g"), "milk": (0.3, "l")})
    assert recipe.scaled(12) == ["1.5 kg flour", "0.9 l milk"] and recipe.scaled(4)[0] == "500 g flour"
    with pytest.raises(ValueError):
        recipe.scaled(0)
