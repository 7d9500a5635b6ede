"""The parts of the page: from content to texts, tables and figures, each within its limits."""
