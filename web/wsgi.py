"""What gunicorn serves."""

import gc

from web import create_app

app = create_app()
# What was loaded stays for ever: leave it out of every later collection, and shared between the workers.
gc.collect()
gc.freeze()
