//! Opening what the peer sends.

mod sources;

use sources::Sources;

use crate::cipher::{Cipher, ENCRYPTED, RtcpIndex, RtpIndex, rtcp_source, rtp_fields};
use crate::kdf::Master;
use crate::replay::Window;
use crate::{Profile, SrtpError};

/// How many RTP sources, and how many RTCP sources, a peer may use with one key.
///
/// Forgetting one would let its packets be replayed, so a peer that uses more is refused them.
pub const MAX_SOURCES: usize = 1024;

/// The peer's direction: opens packets, with replay protection for every source.
#[derive(Debug)]
pub struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

impl Inbound {
    /// A context for the peer's master key and salt.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] if either has the wrong length for the profile.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, SrtpError> {
        let master = Master::new(profile, master_key, master_salt)?;
        Ok(Self {
            rtp: Cipher::rtp(profile, &master)?,
            rtcp: Cipher::rtcp(profile, &master)?,
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
        })
    }

    /// Opens an SRTP packet in place and returns its plain length. `header_len` is the length of
    /// the RTP header with CSRCs and extension, which SRTP leaves in the clear.
    ///
    /// # Errors
    /// Every packet error of [`SrtpError`]. State changes only if the packet is authentic.
    pub fn open_rtp(&mut self, packet: &mut [u8], header_len: usize) -> Result<usize, SrtpError> {
        let (ssrc, sequence) = rtp_fields(packet, header_len)?;
        let window = self.rtp_sources.get_mut(ssrc)?;
        let index = packet_index(window.as_deref(), sequence).ok_or(SrtpError::TooOld)?;
        window.as_deref().map_or(Ok(()), |window| window.check(index))?;
        let roc = u32::try_from(index >> 16).map_err(|_| SrtpError::KeyExhausted)?;
        let len = self.rtp.open_rtp(packet, header_len, RtpIndex { ssrc, roc, sequence })?;
        match window {
            Some(window) => window.accept(index),
            None => self.rtp_sources.insert(ssrc, index),
        }
        Ok(len)
    }

    /// Opens an SRTCP packet in place and returns the plain compound's length.
    ///
    /// # Errors
    /// Every packet error of [`SrtpError`]. State changes only if the packet is authentic.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let word = self.rtcp.rtcp_index_word(packet).ok_or(SrtpError::Truncated)?;
        let ssrc = rtcp_source(packet)?;
        if word & ENCRYPTED == 0 {
            return Err(SrtpError::Unencrypted);
        }
        let index = word & !ENCRYPTED;
        let window = self.rtcp_sources.get_mut(ssrc)?;
        window.as_deref().map_or(Ok(()), |window| window.check(u64::from(index)))?;
        let len = self.rtcp.open_rtcp(packet, RtcpIndex { ssrc, index })?;
        match window {
            Some(window) => window.accept(u64::from(index)),
            None => self.rtcp_sources.insert(ssrc, u64::from(index)),
        }
        Ok(len)
    }
}

/// The 48-bit index nearest to the newest one with this sequence number (RFC 3711 §3.3.1); `None`
/// if it would lie before the beginning.
fn packet_index(window: Option<&Window>, sequence: u16) -> Option<u64> {
    let Some(newest) = window.map(Window::newest) else { return Some(u64::from(sequence)) };
    let ahead = i64::from(sequence.wrapping_sub(newest as u16) as i16);
    newest.checked_add_signed(ahead)
}
