"""A release in memory: loaded, admitted, decoding, looking up, explaining."""
