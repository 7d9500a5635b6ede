"""How good a model is, how sure we are, and the one function from interval to verdict."""
