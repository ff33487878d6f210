//! ChannelData messages (RFC 8656 §12.4).

/// Channel numbers that RFC 8656 §12 leaves to clients.
const CHANNEL_NUMBERS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// True for a number a client may bind: 0x4000–0x4FFF.
pub fn is_channel_number(number: u16) -> bool {
    CHANNEL_NUMBERS.contains(&number)
}

/// The 4 bytes that go before a payload of `length` bytes.
pub fn channel_header(number: u16, length: u16) -> [u8; 4] {
    let (number, length) = (number.to_be_bytes(), length.to_be_bytes());
    [number[0], number[1], length[0], length[1]]
}

/// How many bytes fill `length` up to a multiple of 4.
pub fn padding(length: usize) -> usize {
    length.wrapping_neg() & 3
}

/// View of a ChannelData message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// The channel, 0x4000–0x4FFF.
    pub number: u16,
    /// The application data, without padding; may be empty.
    pub payload: &'a [u8],
}

/// Why bytes are no ChannelData message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelDataError {
    /// The number is outside 0x4000–0x4FFF.
    #[error("not a channel number")]
    Number,
    /// Fewer bytes than the header's length field says.
    #[error("shorter than its length field")]
    Truncated,
}

impl<'a> ChannelData<'a> {
    /// Reads one message. Bytes after the payload are padding (or, over UDP, ignored).
    pub fn parse(bytes: &'a [u8]) -> Result<ChannelData<'a>, ChannelDataError> {
        let Some((&[n0, n1, l0, l1], rest)) = bytes.split_first_chunk::<4>() else {
            return Err(ChannelDataError::Truncated);
        };
        let number = u16::from_be_bytes([n0, n1]);
        if !is_channel_number(number) {
            return Err(ChannelDataError::Number);
        }
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let payload = rest.get(..length).ok_or(ChannelDataError::Truncated)?;
        Ok(ChannelData { number, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let mut bytes = channel_header(0x4001, 3).to_vec();
        bytes.extend_from_slice(b"abc\0");
        let expected = ChannelData { number: 0x4001, payload: b"abc" };
        assert_eq!(ChannelData::parse(&bytes), Ok(expected));
        assert_eq!(ChannelData::parse(&bytes[..7]), Ok(expected));
    }

    #[test]
    fn zero_length_is_a_message() {
        let empty = ChannelData::parse(&[0x4f, 0xff, 0, 0]);
        assert_eq!(empty, Ok(ChannelData { number: 0x4fff, payload: b"" }));
    }

    #[test]
    fn refuses_reserved_numbers_and_short_messages() {
        for number in [0x3fffu16, 0x5000, 0x7fff, 0xffff] {
            let bytes = channel_header(number, 0);
            assert_eq!(ChannelData::parse(&bytes), Err(ChannelDataError::Number));
        }
        assert_eq!(ChannelData::parse(&[0x40, 0, 0]), Err(ChannelDataError::Truncated));
        assert_eq!(ChannelData::parse(&[0x40, 0, 0, 2, 9]), Err(ChannelDataError::Truncated));
    }

    #[test]
    fn pads_to_four() {
        assert_eq!([0, 1, 2, 3, 4, 5].map(padding), [0, 3, 2, 1, 0, 3]);
    }
}
