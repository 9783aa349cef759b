"""The matcher: plain arrays in, proposals with reasons out. Start reading at matcher.py."""
