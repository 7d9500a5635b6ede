"""The data gate and the model gate: gather what they judge, and ask them."""
