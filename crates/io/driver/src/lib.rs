//! UDP sockets, poller, clock.

