//! What a shard is made from.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Settings of a shard. All of its transports share them.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// Addresses that clients reach us at, most preferred first. Each becomes a host candidate of
    /// every transport, with the transport's media port. A relayed address is taken from the first
    /// of each family.
    pub addresses: Vec<IpAddr>,
    /// Addresses that our sockets may see as their own besides `addresses`, for example the inner
    /// address behind a 1:1 NAT. A TURN client may ask permission for them too.
    pub local_addresses: Vec<IpAddr>,
    /// Range the driver binds media sockets in. Relayed addresses never carry such a port.
    pub media_ports: RangeInclusive<u16>,
    /// TURN over UDP and TCP, usually 3478.
    pub turn_port: u16,
    /// TURN over TLS, usually 443.
    pub https_port: u16,
    /// TURN realm; a short one keeps replies to strangers small.
    pub realm: String,
    /// Secret from which TURN passwords are derived, shared with the issuer of credentials.
    pub turn_secret: Vec<u8>,
    /// Bound of TURN allocations of one participant.
    pub max_allocations_per_participant: usize,
    /// Certificate of our DTLS endpoints.
    pub certificate: Certificate,
    /// How often [`Event::TransportStats`](crate::Event::TransportStats) comes. The first of a transport
    /// comes up to an eighth earlier: those of many come together.
    pub stats_interval: Duration,
    /// How often a beat is sent on a data channel with the subprotocol `beat/1`.
    pub beat_interval: Duration,
    /// A transport with such a channel is silent when nothing authentic has come for so long.
    pub silent_after: Duration,
}

impl ShardConfig {
    /// Ports that relayed addresses are chosen from: 1024 to 65535 without those we listen on.
    pub fn relayed_ports(&self) -> Vec<RangeInclusive<u16>> {
        let mut taken = vec![
            self.media_ports.clone(),
            self.turn_port..=self.turn_port,
            self.https_port..=self.https_port,
        ];
        taken.sort_by_key(|range| *range.start());
        let mut free = Vec::new();
        let mut next = 1024u32;
        for range in taken {
            let (start, end) = (u32::from(*range.start()), u32::from(*range.end()));
            if let (Ok(first), Ok(last)) =
                (u16::try_from(next), u16::try_from(start.wrapping_sub(1)))
                && first <= last
            {
                free.push(first..=last);
            }
            next = next.max(end + 1);
        }
        if let Ok(first) = u16::try_from(next) {
            free.push(first..=u16::MAX);
        }
        free
    }
}

/// A self-signed certificate with its key. WebRTC trusts its fingerprint, not its names.
#[derive(Clone)]
pub struct Certificate {
    /// X.509, DER. The key must be on P-256 or P-384.
    pub certificate: Vec<u8>,
    /// PKCS #8, DER.
    pub private_key: Vec<u8>,
}

impl Certificate {
    /// Makes a P-256 certificate that is valid for a year.
    ///
    /// The one function of this crate that reads the clock and the system's randomness; call it
    /// once at the start.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, ShardError> {
        let made = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|error| ShardError::Certificate(error.to_string()))?;
        Ok(Self { certificate: made.certificate, private_key: made.private_key })
    }

    /// SHA-256 of the certificate, as `a=fingerprint` carries it (RFC 8122).
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.certificate);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest.as_ref());
        fingerprint
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

/// Why a shard could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// There is no address to advertise.
    #[error("no address to advertise")]
    NoAddress,
    /// The DTLS settings were refused.
    #[error("DTLS settings: {0}")]
    Dtls(String),
    /// The certificate could not be made or used.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The TURN settings were refused.
    #[error("TURN settings: {0}")]
    Turn(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relayed_ports_leave_out_what_we_listen_on() {
        let config = ShardConfig {
            addresses: Vec::new(),
            local_addresses: Vec::new(),
            media_ports: 10000..=60000,
            turn_port: 3478,
            https_port: 443,
            realm: String::new(),
            turn_secret: Vec::new(),
            max_allocations_per_participant: 8,
            certificate: Certificate { certificate: Vec::new(), private_key: Vec::new() },
            stats_interval: Duration::from_secs(2),
            beat_interval: Duration::from_millis(200),
            silent_after: Duration::from_millis(600),
        };
        assert_eq!(config.relayed_ports(), [1024..=3477, 3479..=9999, 60001..=65535]);
        let all = ShardConfig { media_ports: 1024..=65535, ..config };
        assert_eq!(all.relayed_ports(), []);
    }
}
