//! What the engine is told at its start.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::StartError;

/// Where the engine listens and what it tells clients.
#[derive(Clone)]
pub struct Config {
    /// Advertised in candidates, best first.
    pub addresses: Vec<IpAddr>,
    /// Listened on. `::` is every address of both families.
    pub bind_addresses: Vec<IpAddr>,
    /// Ports for media; a single one is shared by every transport, and 0 alone asks the system
    /// for a free one.
    pub media_ports: RangeInclusive<u16>,
    /// HTTPS, WebSocket and TURN over TLS (TCP); 0 asks the system for a free one.
    pub https_port: u16,
    /// TURN over UDP and over plain TCP; 0 asks the system for a free one.
    pub turn_port: u16,
    /// Realm of the long-term credentials (RFC 8489 §9.2).
    pub realm: String,
    /// Key from which TURN passwords are derived.
    pub turn_secret: Vec<u8>,
    /// Certificate chain of the HTTPS listener.
    pub certificate_pem: Vec<u8>,
    /// Its private key.
    pub private_key_pem: Vec<u8>,
    /// TURN allocations one participant may hold.
    pub max_allocations_per_participant: usize,
    /// TCP connections one client address may hold before it proved who it is.
    pub max_connections_per_address: usize,
    /// How often a transport's totals are told.
    pub stats_interval: Duration,
}

impl Config {
    /// Refuses what cannot work before anything is bound.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let refuse = |what: &str| Err(StartError::Config(what.to_owned()));
        if self.addresses.is_empty() {
            return refuse("addresses is empty: give at least one address that clients can reach");
        }
        if self.addresses.iter().any(IpAddr::is_unspecified) {
            return refuse("addresses must be addresses that clients can reach, not 0.0.0.0 or ::");
        }
        if self.bind_addresses.is_empty() {
            return refuse("bind_addresses is empty: \"::\" listens on every address");
        }
        if self.media_ports.is_empty() {
            return refuse("media_port_min is above media_port_max");
        }
        if *self.media_ports.start() == 0 && *self.media_ports.end() != 0 {
            return refuse("media_port_min is 0: only both may be 0, for one shared free port");
        }
        if self.realm.is_empty() || self.realm.len() > 127 {
            return refuse("realm must have 1 to 127 bytes");
        }
        if self.turn_secret.len() < 16 {
            return refuse("turn_secret must have at least 16 bytes");
        }
        if self.stats_interval.is_zero() {
            return refuse("stats_interval_ms must be above 0");
        }
        Ok(())
    }
}
