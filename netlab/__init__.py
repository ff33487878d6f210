"""The lab: hosts, NAT routers and firewalls in Linux network namespaces.

`netlab.topology` builds the networks, `netlab.nat` and `netlab.firewall` are the rule sets,
`netlab.link` the delay and loss between them. Everything a `Lab` made is gone when it is closed.
"""
