//! Data channel establishment protocol (RFC 8832).

use std::str;

use sctp_proto::ReliabilityType;

const DATA_CHANNEL_ACK: u8 = 0x02;
const DATA_CHANNEL_OPEN: u8 = 0x03;
const UNORDERED: u8 = 0x80;
const HEADER: usize = 12;

/// Labels and subprotocols above this many bytes are refused.
const MAX_NAME: usize = 1024;

/// The DATA_CHANNEL_ACK message (section 5.2).
pub(crate) const ACK: [u8; 1] = [DATA_CHANNEL_ACK];

/// How much a channel promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reliability {
    /// Every message arrives.
    Reliable,
    /// At most this many retransmissions.
    Retransmits(u16),
    /// Not later than this, in milliseconds.
    Lifetime(u16),
}

impl Reliability {
    /// The two numbers of [`sctp_proto::Stream::set_reliability_params`].
    pub(crate) fn sctp(self) -> (ReliabilityType, u32) {
        match self {
            Reliability::Reliable => (ReliabilityType::Reliable, 0),
            Reliability::Retransmits(count) => (ReliabilityType::Rexmit, u32::from(count)),
            Reliability::Lifetime(time) => (ReliabilityType::Timed, u32::from(time)),
        }
    }
}

/// What a DATA_CHANNEL_OPEN message (section 5.1) says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) ordered: bool,
    pub(crate) reliability: Reliability,
    pub(crate) priority: u16,
    pub(crate) label: String,
    pub(crate) protocol: String,
}

/// A DCEP message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Open(Open),
    Ack,
}

/// Not a DCEP message that we can use.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed DCEP message")]
pub(crate) struct Malformed;

impl Message {
    pub(crate) fn parse(data: &[u8]) -> Result<Self, Malformed> {
        match data.first() {
            Some(&DATA_CHANNEL_ACK) => Ok(Message::Ack),
            Some(&DATA_CHANNEL_OPEN) => Open::parse(data).map(Message::Open),
            _ => Err(Malformed),
        }
    }
}

impl Open {
    fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let (header, names) = data.split_at_checked(HEADER).ok_or(Malformed)?;
        let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let parameter = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        // Browsers' limits are 16 bits wide; a larger one promises no less.
        let parameter = u16::try_from(parameter).unwrap_or(u16::MAX);
        let reliability = match header[1] & !UNORDERED {
            0x00 => Reliability::Reliable,
            0x01 => Reliability::Retransmits(parameter),
            0x02 => Reliability::Lifetime(parameter),
            _ => return Err(Malformed),
        };
        let (label, protocol) = (usize::from(short(8)), usize::from(short(10)));
        if label > MAX_NAME || protocol > MAX_NAME || names.len() != label + protocol {
            return Err(Malformed);
        }
        let (label, protocol) = names.split_at(label);
        Ok(Self {
            ordered: header[1] & UNORDERED == 0,
            reliability,
            priority: short(2),
            label: text(label)?,
            protocol: text(protocol)?,
        })
    }

    /// The message. Names above the limit are cut at it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let (kind, parameter) = match self.reliability {
            Reliability::Reliable => (0x00, 0),
            Reliability::Retransmits(count) => (0x01, u32::from(count)),
            Reliability::Lifetime(time) => (0x02, u32::from(time)),
        };
        let label = cut(&self.label);
        let protocol = cut(&self.protocol);
        let mut message = vec![DATA_CHANNEL_OPEN, kind | if self.ordered { 0 } else { UNORDERED }];
        message.extend_from_slice(&self.priority.to_be_bytes());
        message.extend_from_slice(&parameter.to_be_bytes());
        message.extend_from_slice(&(label.len() as u16).to_be_bytes());
        message.extend_from_slice(&(protocol.len() as u16).to_be_bytes());
        message.extend_from_slice(label.as_bytes());
        message.extend_from_slice(protocol.as_bytes());
        message
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    str::from_utf8(bytes).map(str::to_owned).map_err(|_| Malformed)
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(ordered: bool, reliability: Reliability) -> Open {
        Open { ordered, reliability, priority: 256, label: "chät".into(), protocol: "p".into() }
    }

    #[test]
    fn an_open_message_survives_the_wire_in_every_mode() {
        for ordered in [true, false] {
            for reliability in [
                Reliability::Reliable,
                Reliability::Retransmits(3),
                Reliability::Retransmits(0),
                Reliability::Lifetime(500),
            ] {
                let open = open(ordered, reliability);
                assert_eq!(Message::parse(&open.to_bytes()), Ok(Message::Open(open)));
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_rfc() {
        let bytes = open(false, Reliability::Retransmits(3)).to_bytes();
        assert_eq!(bytes[..12], [3, 0x81, 1, 0, 0, 0, 0, 3, 0, 5, 0, 1]);
        assert_eq!(&bytes[12..], "chätp".as_bytes());
    }

    #[test]
    fn malformed_messages_are_refused() {
        let good = open(true, Reliability::Reliable).to_bytes();
        for end in 0..good.len() {
            assert_eq!(Message::parse(&good[..end]), Err(Malformed), "cut at {end}");
        }
        let mut unknown_mode = good.clone();
        unknown_mode[1] = 0x05;
        assert_eq!(Message::parse(&unknown_mode), Err(Malformed));
        let mut not_text = good;
        not_text[12] = 0xff;
        assert_eq!(Message::parse(&not_text), Err(Malformed));
        assert_eq!(Message::parse(&[0x02]), Ok(Message::Ack));
        assert_eq!(Message::parse(&[0x17]), Err(Malformed));
    }

    #[test]
    fn a_long_label_is_cut_at_a_character() {
        let long = Open { label: "ä".repeat(1000), ..open(true, Reliability::Reliable) };
        let Ok(Message::Open(back)) = Message::parse(&long.to_bytes()) else { panic!("malformed") };
        assert_eq!(back.label, "ä".repeat(512));
    }
}
