//! DTLS 1.2 and 1.3 with SRTP key export (RFC 6347, RFC 9147, RFC 5764), as the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use dimpl::{Config, Dtls, DtlsCertificate, Output, ProtocolVersion, SrtpProfile};
use roomline_sdp::{Fingerprint, FingerprintHash};

use crate::config::{Certificate, ShardError};

/// What every endpoint of a shard shares.
#[derive(Clone)]
pub(crate) struct Identity {
    config: Arc<Config>,
    certificate: DtlsCertificate,
}

impl Identity {
    /// Fails when the crypto provider lacks what WebRTC needs.
    pub(crate) fn new(certificate: &Certificate) -> Result<Self, ShardError> {
        let config = Config::builder()
            .srtp_profiles(&[SrtpProfile::AEAD_AES_128_GCM, SrtpProfile::AES128_CM_SHA1_80])
            // The path was validated by an authenticated connectivity check before.
            .use_server_cookie(false)
            .flight_start_rto(Duration::from_millis(250))
            .flight_retries(7)
            .handshake_timeout(Duration::from_secs(20))
            .build()
            .map_err(|error| ShardError::Dtls(error.to_string()))?;
        let certificate = DtlsCertificate {
            certificate: certificate.certificate.clone(),
            private_key: certificate.private_key.clone(),
        };
        Ok(Self { config: Arc::new(config), certificate })
    }
}

/// True when the certificate is the one the client promised (RFC 8122).
fn matches(promise: &Fingerprint, certificate: &[u8]) -> bool {
    let algorithm = match promise.hash {
        FingerprintHash::Sha256 => &digest::SHA256,
        FingerprintHash::Sha384 => &digest::SHA384,
        FingerprintHash::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, certificate).as_ref() == promise.digest
}

/// What an endpoint has to say.
pub(crate) enum Step<'a> {
    /// Send this datagram.
    Datagram(&'a [u8]),
    /// The handshake is done and the peer is who it promised to be.
    Connected(Established),
    /// A decrypted record.
    Data(&'a [u8]),
    /// The peer said goodbye.
    Closed,
}

/// What a handshake agreed upon.
pub(crate) struct Established {
    /// `DTLS 1.2` or `DTLS 1.3`.
    pub(crate) version: &'static str,
    /// The SRTP profile.
    pub(crate) profile: roomline_srtp::Profile,
    /// Exported keying material (RFC 5764 section 4.2).
    pub(crate) keying_material: Vec<u8>,
}

/// Why an association cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DtlsError {
    /// The certificate is not the one of the offer.
    #[error("fingerprint mismatch")]
    Fingerprint,
    /// The handshake ended without an SRTP profile.
    #[error("no common SRTP profile")]
    NoProfile,
    /// Anything dimpl gives up on.
    #[error("{0}")]
    Protocol(String),
}

/// One DTLS association.
pub(crate) struct Endpoint {
    dtls: Dtls,
    expected: Vec<Fingerprint>,
    verified: bool,
    keys: Option<(SrtpProfile, Vec<u8>)>,
    connected: bool,
    deadline: Option<Instant>,
}

impl Endpoint {
    /// `expected` are the fingerprints of the offer: the peer must present a certificate that
    /// matches one of them.
    pub(crate) fn new(identity: &Identity, expected: Vec<Fingerprint>, now: Instant) -> Self {
        let dtls = Dtls::new_auto(identity.config.clone(), identity.certificate.clone(), now);
        Self { dtls, expected, verified: false, keys: None, connected: false, deadline: None }
    }

    /// The fingerprints this association was made for.
    pub(crate) fn expected(&self) -> &[Fingerprint] {
        &self.expected
    }

    /// True once the handshake is done.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Takes a datagram whose first byte is in 20..=63; `drain` afterwards.
    pub(crate) fn handle_datagram(&mut self, now: Instant, data: &[u8]) -> Result<(), DtlsError> {
        self.dtls.handle_timeout(now).map_err(protocol)?;
        self.dtls.handle_packet(data).map_err(protocol)
    }

    /// Retransmits what is due; `drain` afterwards.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        self.dtls.handle_timeout(now).map_err(protocol)
    }

    /// When `handle_timeout` is due, as of the last `drain`.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Encrypts one record; `drain` afterwards, before the next.
    pub(crate) fn send(&mut self, data: &[u8]) -> Result<(), DtlsError> {
        self.dtls.send_application_data(data).map(|_| ()).map_err(protocol)
    }

    /// Queues close_notify, if there is a connection to close; `drain` afterwards.
    pub(crate) fn close(&mut self) {
        if let Err(error) = self.dtls.close() {
            log::debug!("close_notify: {error}");
        }
    }

    /// Hands out everything the association has to say. `scratch` is room for one datagram.
    pub(crate) fn drain(
        &mut self,
        scratch: &mut Vec<u8>,
        out: &mut dyn FnMut(Step<'_>),
    ) -> Result<(), DtlsError> {
        if scratch.len() < MAX_DATAGRAM {
            scratch.resize(MAX_DATAGRAM, 0);
        }
        loop {
            match self.dtls.poll_output(scratch) {
                Output::Packet(datagram) => out(Step::Datagram(datagram)),
                Output::BufferTooSmall { needed } => scratch.resize(needed, 0),
                Output::Timeout(at) => {
                    self.deadline = Some(at);
                    return Ok(());
                }
                Output::PeerCert(certificate) => {
                    if !self.expected.iter().any(|promise| matches(promise, certificate)) {
                        return Err(DtlsError::Fingerprint);
                    }
                    self.verified = true;
                }
                Output::KeyingMaterial(keys, profile) => self.keys = Some((profile, keys.to_vec())),
                Output::Connected => self.connected = true,
                Output::ApplicationData(data) if self.connected && self.verified => {
                    out(Step::Data(data));
                }
                Output::CloseNotify => out(Step::Closed),
                _ => {}
            }
            if self.connected
                && let Some(keys) = self.keys.take()
            {
                out(Step::Connected(self.established(keys)?));
            }
        }
    }

    fn established(&self, keys: (SrtpProfile, Vec<u8>)) -> Result<Established, DtlsError> {
        if !self.verified {
            return Err(DtlsError::Fingerprint);
        }
        let (profile, keying_material) = keys;
        let profile = match profile {
            SrtpProfile::AEAD_AES_128_GCM => roomline_srtp::Profile::AeadAes128Gcm,
            SrtpProfile::AES128_CM_SHA1_80 => roomline_srtp::Profile::AesCm128HmacSha1_80,
            _ => return Err(DtlsError::NoProfile),
        };
        let version = match self.dtls.protocol_version() {
            Some(ProtocolVersion::DTLS1_3) => "DTLS 1.3",
            _ => "DTLS 1.2",
        };
        Ok(Established { version, profile, keying_material })
    }
}

/// The first size of the scratch buffer: above any path's MTU.
const MAX_DATAGRAM: usize = 2048;

fn protocol(error: dimpl::Error) -> DtlsError {
    DtlsError::Protocol(error.to_string())
}

#[cfg(test)]
mod tests;
