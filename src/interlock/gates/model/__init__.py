"""The model gate: is the winner good, better than the yardsticks, and no step back?

All models are scored on the same held-out rows. The champion is compared on those of them that came
after its own last training row. A baseline never becomes champion.
"""
