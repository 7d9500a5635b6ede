"""The service gate: does the packaged service answer as training did, and refuse nonsense?"""
