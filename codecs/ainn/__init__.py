"""A-INN, a learned codec on an approximately invertible network; `model.py` is where to begin reading."""
