"""The only services that know the matcher's arrays. Jobs and the command line use them; no page does."""
