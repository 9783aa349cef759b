"""An open simulation of a town that asks and helps: made-up people, the planner, its rivals and what is possible.

    places.py    buurten: the 43 of Hilversum, or made-up ones
    world.py     who lives there, what they ask and when; eligible pairs
    truth.py     how these people behave; no policy may look here
    desk.py      what a policy may know
    events.py    the weeks go by, a quarter of an hour at a time
    policies.py  whom to ask: the rivals and ours
    scoring.py   the chances of a yes that a policy is given; learning.py: a rule that learns them
    history.py   what happened, and the figures over it
    bounds.py    what nobody can beat over the weeks; static.py: at one moment
    aims.py      what we want to reach
    runs.py      seeds, processes, paired differences
    report.py, plots.py   tables, JSON and pictures
    bench.py     the benchmark of the parts: a country, a city, fairness, reasons, the learned model

Nothing in it is measured on real people. Every number of behaviour is an assumption and stands in world.py or truth.py.
Known limits: nobody joins or leaves, a request needs one volunteer once, homes are points and distance is a straight
line, and all volunteers get their messages the same way.
"""
