//! RTP as a forwarder sees it: a header to write anew, and a payload to seal (RFC 3550, RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Fixed header and 12 bytes of header extensions, as a call with a browser has them.
pub(crate) const HEADER: usize = 24;
/// The tag of AES-GCM.
pub(crate) const TAG: usize = 16;
/// The SSRC of what is fed.
pub(crate) const SOURCE: u32 = 0x1000_0000;

/// One direction to one party: its key, and the packets so far.
pub(crate) struct Stream {
    key: LessSafeKey,
    ssrc: u32,
    index: u64,
}

impl Stream {
    /// A stream whose key is made from its SSRC: a secret from nobody here.
    pub(crate) fn new(ssrc: u32) -> Result<Self, String> {
        let mut key = [0x5a; 16];
        key[..4].copy_from_slice(&ssrc.to_be_bytes());
        let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| "no AES-GCM")?;
        Ok(Self { key: LessSafeKey::new(key), ssrc, index: 0 })
    }

    /// Opens a packet in place. Its payload, or nothing if it isn't one of this stream.
    pub(crate) fn open<'a>(&self, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let (header, text) = packet.split_at_mut_checked(HEADER)?;
        let index = u64::from_be_bytes(header.get(16..24)?.try_into().ok()?);
        let nonce = self.nonce(index);
        self.key.open_in_place(nonce, Aad::from(&*header), text).ok().map(|text| &*text)
    }

    /// Appends a packet with this payload to `run`: header written anew, payload copied and sealed.
    pub(crate) fn seal(&mut self, payload: &[u8], timestamp: u32, run: &mut Vec<u8>) -> Option<()> {
        let start = run.len();
        run.extend_from_slice(&self.header(timestamp));
        run.extend_from_slice(payload);
        let nonce = self.nonce(self.index);
        self.index += 1;
        let (header, text) = run.get_mut(start..)?.split_at_mut_checked(HEADER)?;
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), text).ok()?;
        run.extend_from_slice(tag.as_ref());
        Some(())
    }

    /// Version 2 with extension, type 96; then a one-byte extension block (RFC 8285) which has the
    /// stream's index where a call has MID and the transport-wide number.
    fn header(&self, timestamp: u32) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[0] = 0x90;
        header[1] = 96;
        header[2..4].copy_from_slice(&(self.index as u16).to_be_bytes());
        header[4..8].copy_from_slice(&timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        header[12..16].copy_from_slice(&[0xbe, 0xde, 0, 2]);
        header[16..24].copy_from_slice(&self.index.to_be_bytes());
        header
    }

    fn nonce(&self, index: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.ssrc.to_be_bytes());
        nonce[4..].copy_from_slice(&index.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_can_be_opened_and_has_an_rtp_header() -> Result<(), String> {
        let mut run = Vec::new();
        let mut sender = Stream::new(7)?;
        sender.seal(b"payload", 90, &mut run).ok_or("not sealed")?;
        assert_eq!((run[0] >> 6, run.len()), (2, HEADER + 7 + TAG));
        assert_eq!(Stream::new(7)?.open(&mut run.clone()), Some(&b"payload"[..]));
        assert_eq!(Stream::new(8)?.open(&mut run), None);
        Ok(())
    }
}
