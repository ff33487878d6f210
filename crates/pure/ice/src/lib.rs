//! ICE-lite agent (RFC 8445).
//!
//! [`Agent`] is the controlled, lite side: it answers connectivity checks and never sends any.
//! [`Candidate`] is an address with its SDP text.

#![forbid(unsafe_code)]

mod agent;
mod candidate;
mod credentials;
#[cfg(test)]
mod testing;

pub use agent::{Agent, CONSENT_TIMEOUT, Check, Drop, Generation};
pub use candidate::{Candidate, CandidateError, CandidateKind, TcpType, Transport};
pub use credentials::{Credentials, ufrag_of};
