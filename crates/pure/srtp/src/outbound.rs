//! Sealing what we send.

use crate::cipher::{Cipher, ENCRYPTED, RtcpIndex, RtpIndex, rtcp_source, rtp_fields};
use crate::kdf::Master;
use crate::{Profile, SrtpError};

/// Our direction: seals packets into the buffer they are sent from.
#[derive(Debug)]
pub struct Outbound {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    /// The next SRTCP index. One counter for all sources keeps every index unique.
    rtcp_index: u32,
}

impl Outbound {
    /// A context for our master key and salt.
    ///
    /// # Errors
    /// [`SrtpError::KeyLength`] if either has the wrong length for the profile.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, SrtpError> {
        let master = Master::new(profile, master_key, master_salt)?;
        Ok(Self {
            profile,
            rtp: Cipher::rtp(profile, &master)?,
            rtcp: Cipher::rtcp(profile, &master)?,
            rtcp_index: 0,
        })
    }

    /// The profile, for the room that packets need.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Seals the RTP packet that lies in `buffer` from `start` to the end, and appends the tag.
    ///
    /// `roc` is how often the packet's sequence number has wrapped: the caller, who numbers the
    /// packets, knows it. The same source, `roc` and sequence number must not be used again for
    /// other content, which would give the keystream away.
    ///
    /// # Errors
    /// [`SrtpError::Truncated`] if no RTP header of `header_len` bytes lies there; `buffer` is then
    /// unchanged.
    pub fn seal_rtp(
        &mut self,
        roc: u32,
        buffer: &mut Vec<u8>,
        start: usize,
        header_len: usize,
    ) -> Result<(), SrtpError> {
        let packet = buffer.get(start..).ok_or(SrtpError::Truncated)?;
        rtp_fields(packet, header_len)?;
        buffer.resize(buffer.len() + self.profile.tag_len(), 0);
        self.seal_rtp_slice(roc, &mut buffer[start..], header_len)
    }

    /// Seals an RTP packet whose header and payload lie apart, into the beginning of `room`. Returns
    /// its length: both and the tag. The payload is read once and written nowhere else, so one
    /// payload serves any number of receivers.
    ///
    /// `roc` is as for [`Outbound::seal_rtp`].
    ///
    /// # Errors
    /// [`SrtpError::Truncated`] if `header` is no RTP header, or `room` is too small.
    pub fn seal_rtp_into(
        &mut self,
        roc: u32,
        header: &[u8],
        payload: &[u8],
        room: &mut [u8],
    ) -> Result<usize, SrtpError> {
        let (ssrc, sequence) = rtp_fields(header, header.len())?;
        let length = header.len() + payload.len() + self.profile.tag_len();
        let room = room.get_mut(..length).ok_or(SrtpError::Truncated)?;
        self.rtp.seal_rtp_into(header, payload, room, RtpIndex { ssrc, roc, sequence })?;
        Ok(length)
    }

    /// Seals an RTP packet in place. The last [`Profile::tag_len`] bytes of `packet` are room for
    /// the tag; otherwise like [`Outbound::seal_rtp`].
    ///
    /// # Errors
    /// [`SrtpError::Truncated`] if header and tag do not fit.
    pub fn seal_rtp_slice(
        &mut self,
        roc: u32,
        packet: &mut [u8],
        header_len: usize,
    ) -> Result<(), SrtpError> {
        let (ssrc, sequence) = rtp_fields(packet, header_len)?;
        self.rtp.seal_rtp(packet, header_len, RtpIndex { ssrc, roc, sequence })
    }

    /// Seals the RTCP compound that lies in `buffer` from `start` to the end, and appends tag and
    /// index.
    ///
    /// # Errors
    /// [`SrtpError::Truncated`] if no RTCP packet with a source lies there,
    /// [`SrtpError::KeyExhausted`] after 2³¹ compounds; `buffer` is then unchanged.
    pub fn seal_rtcp(&mut self, buffer: &mut Vec<u8>, start: usize) -> Result<(), SrtpError> {
        let compound = buffer.get(start..).ok_or(SrtpError::Truncated)?;
        let ssrc = rtcp_source(compound)?;
        let index = self.rtcp_index;
        if index >= ENCRYPTED {
            return Err(SrtpError::KeyExhausted);
        }
        self.rtcp_index += 1;
        buffer.resize(buffer.len() + self.profile.rtcp_overhead(), 0);
        self.rtcp.seal_rtcp(&mut buffer[start..], RtcpIndex { ssrc, index })
    }
}

#[cfg(test)]
mod tests {
    use super::{ENCRYPTED, Outbound};
    use crate::{Profile, SrtpError};

    #[test]
    fn the_srtcp_index_never_wraps() {
        let mut outbound = Outbound::new(Profile::AeadAes128Gcm, &[1; 16], &[2; 12]).unwrap();
        outbound.rtcp_index = ENCRYPTED - 1;
        let mut compound = vec![0x80; 8];
        assert_eq!(outbound.seal_rtcp(&mut compound, 0), Ok(()));
        assert_eq!(compound[compound.len() - 4..], [0xff; 4]);
        let mut compound = vec![0x80; 8];
        assert_eq!(outbound.seal_rtcp(&mut compound, 0), Err(SrtpError::KeyExhausted));
        assert_eq!(compound.len(), 8);
    }
}
