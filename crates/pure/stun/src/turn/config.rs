//! What the operator chooses.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::attribute::Family;

/// Settings of a [`Server`](super::Server).
#[derive(Clone, Debug)]
pub struct Config {
    /// Names the set of credentials; keep it short, every challenge carries it.
    pub realm: String,
    /// Shared with whoever issues credentials.
    pub secret: Vec<u8>,
    /// Relayed IP addresses: at most one of each family.
    pub relayed: Vec<IpAddr>,
    /// Relayed ports. They are virtual: no socket is opened.
    pub ports: Vec<RangeInclusive<u16>>,
    /// How many allocations one participant may have at a time. One more takes the place of one
    /// that has been silent for ten seconds, or is answered with 486.
    pub max_allocations_per_user: usize,
    /// How many permissions one allocation may have; one more is answered with 508.
    pub max_permissions: usize,
    /// How many channels one allocation may have; one more is answered with 508.
    pub max_channels: usize,
    /// Lifetime of an allocation that asks for none or for less.
    pub default_lifetime: Duration,
    /// Longest lifetime an allocation gets.
    pub max_lifetime: Duration,
    /// How long a nonce is good.
    pub nonce_lifetime: Duration,
    /// How many unauthenticated UDP requests of one network (IPv4 address, IPv6 /64) are answered
    /// per second. Bounds what somebody gains who forges the source address.
    pub unauthenticated_per_second: u32,
}

impl Config {
    /// The defaults of RFC 8656 with bounds that suit a media server.
    pub fn new(
        realm: impl Into<String>,
        secret: impl Into<Vec<u8>>,
        relayed: Vec<IpAddr>,
        ports: Vec<RangeInclusive<u16>>,
    ) -> Config {
        Config {
            realm: realm.into(),
            secret: secret.into(),
            relayed,
            ports,
            max_allocations_per_user: 16,
            max_permissions: 16,
            max_channels: 16,
            default_lifetime: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(3600),
            unauthenticated_per_second: 500,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.realm.is_empty() || self.realm.len() > 127 {
            return Err(ConfigError::Realm);
        }
        if self.secret.len() < 16 {
            return Err(ConfigError::Secret);
        }
        let of = |family| self.relayed.iter().filter(|ip| Family::of(**ip) == family).count();
        if self.relayed.is_empty() || of(Family::V4) > 1 || of(Family::V6) > 1 {
            return Err(ConfigError::Relayed);
        }
        let usable = |ports: &RangeInclusive<u16>| *ports.start() >= 1024 && !ports.is_empty();
        if self.ports.is_empty() || !self.ports.iter().all(usable) {
            return Err(ConfigError::Ports);
        }
        if self.default_lifetime.is_zero() || self.max_lifetime < self.default_lifetime {
            return Err(ConfigError::Lifetime);
        }
        Ok(())
    }
}

/// A setting that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The realm is empty or longer than 127 bytes.
    #[error("the realm must have 1 to 127 bytes")]
    Realm,
    /// The secret could be guessed.
    #[error("the secret must have at least 16 bytes")]
    Secret,
    /// No relayed address, or two of one family.
    #[error("one relayed address, or one of each family")]
    Relayed,
    /// A range is empty or holds ports below 1024.
    #[error("relayed ports must be non-empty ranges from 1024 up")]
    Ports,
    /// The default lifetime is zero or above the maximum.
    #[error("the default lifetime must be positive and at most the maximum")]
    Lifetime,
}
