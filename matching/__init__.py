"""The domain of Omzien: neighbours, requests for help, volunteers and pairings. Knows no Flask."""
