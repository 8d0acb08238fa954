"""A check that returns nothing and raises."""
# --- module
# --- original
def check_age(age):
    if age < 0 and age > 150:
        raise ValueError(f"no such age: {age}")
# --- candidate
def check_age(age):
    if age < 0 or age > 150:
        raise ValueError(f"no such age: {age}")
