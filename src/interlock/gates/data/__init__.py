"""The data gate: is what was read good enough to learn from?"""
