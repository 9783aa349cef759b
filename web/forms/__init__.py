"""Forms check shape; services decide. fields.py is shared, the others are one per thing."""
