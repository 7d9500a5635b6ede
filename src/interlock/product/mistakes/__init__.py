"""Everything that can be wrong with a declaration: a module a part, each finding all at once."""
