//! Source descriptions (RFC 3550 §6.5).

use super::wire;
use crate::bytes::u32_at;

const CNAME: u8 = 1;

/// A source description packet.
#[derive(Clone, Copy, Debug)]
pub struct Sdes<'a> {
    count: u8,
    chunks: &'a [u8],
}

impl<'a> Sdes<'a> {
    pub(super) const fn parse(count: u8, chunks: &'a [u8]) -> Self {
        Self { count, chunks }
    }

    /// Each source with its CNAME, if the chunk has one. Ends at a malformed chunk.
    pub fn cnames(&self) -> impl Iterator<Item = (u32, Option<&'a [u8]>)> + use<'a> {
        let mut rest = self.chunks;
        (0..self.count).map_while(move |_| {
            let (ssrc, cname, len) = chunk(rest)?;
            rest = rest.get(len..).unwrap_or_default();
            Some((ssrc, cname))
        })
    }

    /// Appends a packet with the CNAME of one source. A CNAME over 255 bytes is cut.
    pub fn write_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
        let text = cname.as_bytes();
        let text = &text[..text.len().min(255)];
        wire::packet(out, 1, wire::SDES, |out| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&[CNAME, text.len() as u8]);
            out.extend_from_slice(text);
            // At least one zero ends the items; the packet writer pads the rest.
            out.push(0);
        });
    }
}

/// Source, CNAME and padded length of the chunk at the front of `bytes`.
fn chunk(bytes: &[u8]) -> Option<(u32, Option<&[u8]>, usize)> {
    let ssrc = u32_at(bytes, 0)?;
    let (mut at, mut cname) = (4, None);
    while *bytes.get(at)? != 0 {
        let len = usize::from(*bytes.get(at + 1)?);
        let text = bytes.get(at + 2..at + 2 + len)?;
        if bytes[at] == CNAME {
            cname = Some(text);
        }
        at += 2 + len;
    }
    Some((ssrc, cname, (at + 1).next_multiple_of(4)))
}
