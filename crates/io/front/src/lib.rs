//! The front door: TLS and TCP listeners, HTTP hand-over.

