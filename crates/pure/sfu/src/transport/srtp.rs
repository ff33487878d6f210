//! The SRTP keys of a transport (RFC 5764), one context for each way.

use roomline_rtp::Header;
use roomline_srtp::{Inbound, Outbound, Profile, SrtpError};

use crate::counters::Discard;

/// Both ways.
pub(crate) struct Keys {
    inbound: Inbound,
    outbound: Outbound,
}

/// Which of the two protocols on the media path a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rtp,
    Rtcp,
}

/// Tells RTP and RTCP apart by the payload type (RFC 5761 section 4).
pub(crate) fn kind(packet: &[u8]) -> Kind {
    match packet.get(1) {
        Some(192..=223) => Kind::Rtcp,
        _ => Kind::Rtp,
    }
}

/// The name of a profile as events carry it.
pub(crate) fn name(profile: Profile) -> &'static str {
    match profile {
        Profile::AeadAes128Gcm => "AEAD_AES_128_GCM",
        Profile::AeadAes256Gcm => "AEAD_AES_256_GCM",
        Profile::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
    }
}

impl Keys {
    /// `material` is what the DTLS server, which we are, exports.
    pub(crate) fn new(profile: Profile, material: &[u8]) -> Result<Self, SrtpError> {
        let keys = profile.split(material)?;
        Ok(Self {
            inbound: Inbound::new(profile, keys.client_key, keys.client_salt)?,
            outbound: Outbound::new(profile, keys.server_key, keys.server_salt)?,
        })
    }

    /// Opens a packet in place; returns its plain length.
    pub(crate) fn open(&mut self, packet: &mut [u8]) -> Result<(Kind, usize), Discard> {
        let kind = kind(packet);
        let opened = match kind {
            Kind::Rtcp => self.inbound.open_rtcp(packet),
            Kind::Rtp => {
                let header = Header::parse(packet).map_err(|_| Discard::BadRtp)?;
                self.inbound.open_rtp(packet, header.len())
            }
        };
        opened.map(|len| (kind, len)).map_err(reason)
    }

    /// Length of a sealed RTP packet beyond its header and payload.
    pub(crate) fn rtp_overhead(&self) -> usize {
        self.outbound.profile().tag_len()
    }

    /// Seals an RTP packet into the beginning of `room`; returns its length.
    pub(crate) fn seal_rtp(
        &mut self,
        roc: u32,
        header: &[u8],
        payload: &[u8],
        room: &mut [u8],
    ) -> Result<usize, SrtpError> {
        self.outbound.seal_rtp_into(roc, header, payload, room)
    }

    /// Seals the RTCP compound that lies in `buffer` from `start` on.
    pub(crate) fn seal_rtcp(
        &mut self,
        buffer: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), SrtpError> {
        self.outbound.seal_rtcp(buffer, start)
    }
}

fn reason(error: SrtpError) -> Discard {
    match error {
        SrtpError::Replayed | SrtpError::TooOld => Discard::SrtpReplay,
        SrtpError::TooManySources => Discard::TooManyStreams,
        SrtpError::Truncated => Discard::BadRtp,
        _ => Discard::SrtpAuth,
    }
}
