//! What the front door counted, readable from any thread.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident = $name:literal, $label:literal;)*) => {
        /// Totals since the start. Written by the front door's thread alone.
        #[derive(Default)]
        pub(crate) struct Counters { $($(#[$doc])* pub(crate) $field: AtomicU64,)* }

        impl Counters {
            /// `(name, label, value)` of each.
            pub(crate) fn list(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$(($name, $label, self.$field.load(Relaxed)),)*]
            }
        }
    };
}

counters! {
    /// TCP connections accepted.
    accepted = "connections", "accepted";
    /// Handed over as TURN over TLS.
    turn_tls = "connections", "turn-tls";
    /// Handed over as TURN over TCP.
    turn_tcp = "connections", "turn-tcp";
    /// Handed over as HTTP.
    http = "connections", "http";
    /// More connections from one address than allowed.
    address_limit = "drops", "front-address-limit";
    /// More connections in all than allowed.
    total_limit = "drops", "front-total-limit";
    /// The system had no descriptor left for a connection.
    accept_failed = "drops", "front-accept-failed";
    /// The TLS handshake failed.
    handshake_failed = "drops", "front-tls-handshake";
    /// The handshake or the first byte took too long.
    too_slow = "drops", "front-too-slow";
    /// Closed before it showed what it is.
    closed_early = "drops", "front-closed-early";
    /// Neither HTTP nor STUN inside.
    unknown_protocol = "drops", "front-unknown-protocol";
    /// The request did not lead to an answer in time.
    http_unanswered = "drops", "front-http-unanswered";
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }
}
