"""The soak: many participants who keep moving between the tiers, and a server that must not grow.

`netlab.soak.participant` is one of them, spoken by aiortc; `netlab.soak.crowd` is the program that has
them all, inside the clients' network; `netlab.soak.judge` says what growth is; and
`python -m netlab.soak` runs and watches it all.
"""
