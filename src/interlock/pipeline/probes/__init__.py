"""What questions the running service, from outside and over HTTP; gates judge what it finds."""
