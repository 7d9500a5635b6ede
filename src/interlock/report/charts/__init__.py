"""Charts drawn on the server: numbers in, SVG out, the same bytes every time.

Colours come from the page's CSS variables, so that a chart is right in light, dark and print.
No colour carries a meaning alone: kinds differ by shape, states by a word.
"""
