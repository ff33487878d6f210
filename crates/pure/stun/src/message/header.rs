//! The 20 bytes every STUN message starts with (RFC 8489 §5).

/// Bytes 4–7 of every message.
pub const MAGIC_COOKIE: u32 = 0x2112_a442;

/// Length of the header, in bytes.
pub const HEADER_LEN: usize = 20;

/// True when a datagram can only be STUN: first byte 0–3 (RFC 7983), a whole header, the cookie.
pub fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_LEN && bytes[0] < 4 && bytes[4..8] == MAGIC_COOKIE.to_be_bytes()
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Wants a response.
    Request,
    /// Wants none.
    Indication,
    /// The request was carried out.
    Success,
    /// The request was refused.
    Error,
}

impl Class {
    pub(super) fn of(kind: u16) -> Class {
        match kind & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Class::Request => 0x0000,
            Class::Indication => 0x0010,
            Class::Success => 0x0100,
            Class::Error => 0x0110,
        }
    }
}

/// A method number, 12 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Method(pub u16);

impl Method {
    /// RFC 8489.
    pub const BINDING: Method = Method(0x001);
    /// RFC 8656.
    pub const ALLOCATE: Method = Method(0x003);
    /// RFC 8656.
    pub const REFRESH: Method = Method(0x004);
    /// RFC 8656, indications only.
    pub const SEND: Method = Method(0x006);
    /// RFC 8656, indications only.
    pub const DATA: Method = Method(0x007);
    /// RFC 8656.
    pub const CREATE_PERMISSION: Method = Method(0x008);
    /// RFC 8656.
    pub const CHANNEL_BIND: Method = Method(0x009);
    /// RFC 6062.
    pub const CONNECT: Method = Method(0x00a);
    /// RFC 6062.
    pub const CONNECTION_BIND: Method = Method(0x00b);

    pub(super) fn of(kind: u16) -> Method {
        Method((kind & 0x000f) | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2)
    }

    /// The 14 bits of the message type.
    pub(super) fn with(self, class: Class) -> u16 {
        let number = self.0;
        let spread = (number & 0x000f) | (number & 0x0070) << 1 | (number & 0x0f80) << 2;
        spread | class.bits()
    }
}

/// Pairs a response with its request. Requests need 96 unpredictable bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl TransactionId {
    /// A random one.
    pub fn random(rng: &mut dyn rand::RngCore) -> TransactionId {
        let mut id = [0; 12];
        rng.fill_bytes(&mut id);
        TransactionId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_types_of_rfc8656() {
        let cases = [
            (Method::BINDING, Class::Request, 0x0001),
            (Method::BINDING, Class::Success, 0x0101),
            (Method::ALLOCATE, Class::Error, 0x0113),
            (Method::SEND, Class::Indication, 0x0016),
            (Method::DATA, Class::Indication, 0x0017),
            (Method::CHANNEL_BIND, Class::Success, 0x0109),
        ];
        for (method, class, kind) in cases {
            assert_eq!(method.with(class), kind);
        }
    }

    #[test]
    fn every_method_and_class_survives() {
        for number in 0..0x1000 {
            for class in [Class::Request, Class::Indication, Class::Success, Class::Error] {
                let kind = Method(number).with(class);
                assert!(kind < 0x4000);
                assert_eq!((Method::of(kind), Class::of(kind)), (Method(number), class));
            }
        }
    }

    #[test]
    fn tells_stun_from_others() {
        let mut header = [0u8; 20];
        header[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
        assert!(is_stun(&header));
        assert!(!is_stun(&header[..19]));
        header[0] = 4;
        assert!(!is_stun(&header));
        header[0] = 0;
        header[7] ^= 1;
        assert!(!is_stun(&header));
    }
}
