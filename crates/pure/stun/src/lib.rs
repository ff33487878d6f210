//! STUN (RFC 8489) messages and the TURN (RFC 8656) server state machine.

#![forbid(unsafe_code)]
