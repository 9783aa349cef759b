"""One module per use case. A service takes the session first, does one thing and never commits."""
