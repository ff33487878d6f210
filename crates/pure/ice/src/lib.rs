//! ICE-lite agent (RFC 8445).

#![forbid(unsafe_code)]
