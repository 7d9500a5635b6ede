"""Which releases answer, and who is answered by which."""
