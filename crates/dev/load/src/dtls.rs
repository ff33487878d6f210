//! DTLS in either role, with the SRTP keys it agrees upon (RFC 5764).

use std::sync::Arc;
use std::time::Duration;

use dimpl::{Config, Dtls, DtlsCertificate, Output, ProtocolVersion, SrtpProfile, certificate};
use roomline_srtp::{Inbound, Outbound, Profile};
use serde::Deserialize;

use crate::clock::{Clock, Nanos};
use crate::sdp::Fingerprint;

/// Above any path's MTU.
const MAX_DATAGRAM: usize = 2048;

/// A protection profile by the name requests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProfileName {
    /// AEAD_AES_128_GCM.
    Gcm,
    /// AES128_CM_SHA1_80.
    Cm,
}

impl ProfileName {
    fn profile(self) -> SrtpProfile {
        match self {
            ProfileName::Gcm => SrtpProfile::AEAD_AES_128_GCM,
            ProfileName::Cm => SrtpProfile::AES128_CM_SHA1_80,
        }
    }
}

/// Why an association ended, or never began.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DtlsError {
    #[error("DTLS: {0}")]
    Protocol(#[from] dimpl::Error),
    #[error("DTLS: the certificate is not the one of the description")]
    Fingerprint,
    #[error("DTLS: no common SRTP profile")]
    NoProfile,
    #[error("SRTP: {0}")]
    Srtp(#[from] roomline_srtp::SrtpError),
}

/// The certificate of all transports.
pub(crate) struct Identity {
    certificate: DtlsCertificate,
    pub(crate) fingerprint: String,
    /// By the profiles they offer.
    configs: Vec<(Vec<ProfileName>, Arc<Config>)>,
}

impl Identity {
    pub(crate) fn generate() -> Result<Identity, certificate::CertificateError> {
        let certificate = certificate::generate_self_signed_certificate()?;
        let fingerprint = certificate.fingerprint_str();
        Ok(Identity { certificate, fingerprint, configs: Vec::new() })
    }

    fn config(&mut self, profiles: &[ProfileName]) -> Result<Arc<Config>, DtlsError> {
        if let Some((_, config)) = self.configs.iter().find(|(known, _)| known == profiles) {
            return Ok(config.clone());
        }
        let offered: Vec<SrtpProfile> = profiles.iter().map(|name| name.profile()).collect();
        let config = Config::builder()
            .srtp_profiles(&offered)
            .use_server_cookie(false)
            .flight_start_rto(Duration::from_millis(250))
            .flight_retries(7)
            .handshake_timeout(Duration::from_secs(20))
            .build()?;
        let config = Arc::new(config);
        self.configs.push((profiles.to_vec(), config.clone()));
        Ok(config)
    }
}

/// What a handshake agreed upon.
pub(crate) struct Keys {
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
    pub(crate) profile: Profile,
    pub(crate) version: &'static str,
}

/// What an association has to say.
pub(crate) enum Step {
    Datagram(Vec<u8>),
    Connected(Box<Keys>),
    Closed,
}

/// One association.
pub(crate) struct Association {
    dtls: Dtls,
    clock: Clock,
    active: bool,
    expected: Vec<Fingerprint>,
    verified: bool,
    exported: Option<(SrtpProfile, Vec<u8>)>,
    deadline: Nanos,
}

impl Association {
    /// `active`: we are the client. The peer has to have a certificate with one of the fingerprints.
    pub(crate) fn new(
        identity: &mut Identity,
        profiles: &[ProfileName],
        expected: Vec<Fingerprint>,
        active: bool,
        (clock, now): (Clock, Nanos),
    ) -> Result<Association, DtlsError> {
        let config = identity.config(profiles)?;
        let at = clock.instant(now);
        let mut dtls = Dtls::new_auto(config, identity.certificate.clone(), at);
        dtls.set_active(active);
        dtls.handle_timeout(at)?;
        Ok(Association {
            dtls,
            clock,
            active,
            expected,
            verified: false,
            exported: None,
            deadline: now,
        })
    }

    pub(crate) fn next_timeout(&self) -> Nanos {
        self.deadline
    }

    pub(crate) fn handle(&mut self, now: Nanos, data: &[u8]) -> Result<(), DtlsError> {
        self.dtls.handle_timeout(self.clock.instant(now))?;
        Ok(self.dtls.handle_packet(data)?)
    }

    pub(crate) fn poll(&mut self, now: Nanos) -> Result<(), DtlsError> {
        Ok(self.dtls.handle_timeout(self.clock.instant(now))?)
    }

    /// Queues close_notify; there may be no connection to close, which is as good.
    pub(crate) fn close(&mut self) {
        drop(self.dtls.close());
    }

    /// Everything there is to say.
    pub(crate) fn drain(&mut self) -> Result<Vec<Step>, DtlsError> {
        let (mut scratch, mut steps, mut connected) = (vec![0; MAX_DATAGRAM], Vec::new(), false);
        loop {
            match self.dtls.poll_output(&mut scratch) {
                Output::Packet(datagram) => steps.push(Step::Datagram(datagram.to_vec())),
                Output::BufferTooSmall { needed } => scratch.resize(needed, 0),
                Output::Timeout(at) => {
                    self.deadline = self.clock.nanos(at);
                    break;
                }
                Output::PeerCert(certificate) => {
                    if !self.expected.iter().any(|one| one.matches(certificate)) {
                        return Err(DtlsError::Fingerprint);
                    }
                    self.verified = true;
                }
                Output::KeyingMaterial(keys, profile) => {
                    self.exported = Some((profile, keys.to_vec()));
                }
                Output::Connected => connected = true,
                // Application data is SCTP, which we don't speak.
                Output::CloseNotify => steps.push(Step::Closed),
                _ => {}
            }
        }
        if connected {
            steps.push(Step::Connected(Box::new(self.keys()?)));
        }
        Ok(steps)
    }

    fn keys(&mut self) -> Result<Keys, DtlsError> {
        if !self.verified {
            return Err(DtlsError::Fingerprint);
        }
        let (profile, material) = self.exported.take().ok_or(DtlsError::NoProfile)?;
        let profile = match profile {
            SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
            SrtpProfile::AES128_CM_SHA1_80 => Profile::AesCm128HmacSha1_80,
            _ => return Err(DtlsError::NoProfile),
        };
        let split = profile.split(&material)?;
        let client = (split.client_key, split.client_salt);
        let server = (split.server_key, split.server_salt);
        let (ours, theirs) = if self.active { (client, server) } else { (server, client) };
        let version = match self.dtls.protocol_version() {
            Some(ProtocolVersion::DTLS1_3) => "DTLS 1.3",
            _ => "DTLS 1.2",
        };
        Ok(Keys {
            inbound: Inbound::new(profile, theirs.0, theirs.1)?,
            outbound: Outbound::new(profile, ours.0, ours.1)?,
            profile,
            version,
        })
    }
}

#[cfg(test)]
mod tests;
