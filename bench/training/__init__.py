"""Training of A-INN: photos, the loop, and what `bench train` does with them."""
