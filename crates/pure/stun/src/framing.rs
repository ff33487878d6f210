//! Cutting a TCP or TLS byte stream into STUN and ChannelData messages (RFC 8656 §12.5).

use crate::channel_data::{is_channel_number, padding};
use crate::message::{HEADER_LEN, MAGIC_COOKIE};

/// The longest message: a ChannelData message with 65,535 bytes, padded, or as large a STUN one.
pub const MAX_MESSAGE: usize = 65_535 + 1 + HEADER_LEN;

/// How much a [`Decoder`] holds at most.
pub const MAX_BUFFERED: usize = 2 * MAX_MESSAGE;

/// The stream is not STUN and ChannelData; close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither a STUN header nor a channel number where a message must begin.
    #[error("neither STUN nor ChannelData")]
    Garbage,
    /// More than [`MAX_BUFFERED`] bytes were pushed without taking messages out.
    #[error("too many bytes buffered")]
    Overflow,
}

/// What the first bytes of a fresh connection say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sniff {
    /// A STUN message begins: hand the connection to TURN.
    Stun,
    /// Something else, such as HTTP.
    Other,
    /// Fewer than 8 bytes, and all of them fit STUN.
    Incomplete,
}

/// Tells STUN from other protocols by the first bytes of a connection.
///
/// A TURN client cannot begin with ChannelData, since it has no allocation yet, and a channel's
/// first byte (0x40–0x4F) is also that of `GET` and `HEAD`: only STUN is looked for.
pub fn sniff(first: &[u8]) -> Sniff {
    let cookie = MAGIC_COOKIE.to_be_bytes();
    let fits = first.iter().take(8).enumerate().all(|(i, byte)| match i {
        0 => *byte < 4,
        3 => byte % 4 == 0,
        4..8 => *byte == cookie[i - 4],
        _ => true,
    });
    match (fits, first.len() >= 8) {
        (false, _) => Sniff::Other,
        (true, true) => Sniff::Stun,
        (true, false) => Sniff::Incomplete,
    }
}

/// Buffers a stream and gives whole messages.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// An empty one.
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Appends bytes from the stream. Take all messages out by [`next`](Decoder::next) in
    /// between, so that the buffer stays small.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.buffered() + bytes.len() > MAX_BUFFERED {
            return Err(Error::Overflow);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start.., 0);
            self.buffer.truncate(self.buffer.len() - self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole message: STUN, or ChannelData without its padding. None when more bytes are
    /// needed. After an error the decoder gives nothing but that error.
    #[expect(clippy::should_implement_trait, reason = "it lends the message")]
    pub fn next(&mut self) -> Result<Option<&mut [u8]>, Error> {
        let Some(frame) = measure(&self.buffer[self.start..])? else {
            return Ok(None);
        };
        let begin = self.start;
        if self.buffered() < frame.message + frame.padding {
            return Ok(None);
        }
        self.start += frame.message + frame.padding;
        Ok(Some(&mut self.buffer[begin..begin + frame.message]))
    }

    /// How many bytes wait.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }
}

struct Frame {
    message: usize,
    padding: usize,
}

/// Length of the message that begins here; none while its header is not there.
fn measure(bytes: &[u8]) -> Result<Option<Frame>, Error> {
    let Some(&[b0, b1, l0, l1]) = bytes.first_chunk::<4>() else {
        return match bytes.first() {
            Some(0..4 | 0x40..0x50) | None => Ok(None),
            Some(_) => Err(Error::Garbage),
        };
    };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if is_channel_number(u16::from_be_bytes([b0, b1])) {
        return Ok(Some(Frame { message: 4 + length, padding: padding(length) }));
    }
    match sniff(bytes) {
        Sniff::Stun => Ok(Some(Frame { message: HEADER_LEN + length, padding: 0 })),
        Sniff::Incomplete => Ok(None),
        Sniff::Other => Err(Error::Garbage),
    }
}

#[cfg(test)]
mod tests;
