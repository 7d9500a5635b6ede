"""One delivery: the path walked step by step, told, ended, waived."""
