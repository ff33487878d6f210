//! REQUESTED-ADDRESS-FAMILY (RFC 8656 §18.6).

use std::net::IpAddr;

use super::Attribute;
use crate::message::TransactionId;

/// IP version, as STUN numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// 0x01.
    V4,
    /// 0x02.
    V6,
}

impl Family {
    /// The family of an address as it is written: a v4-mapped one is IPv6.
    pub fn of(ip: IpAddr) -> Family {
        if ip.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The registered number.
    pub fn number(self) -> u8 {
        match self {
            Family::V4 => 1,
            Family::V6 => 2,
        }
    }

    /// The family of a registered number.
    pub fn from_number(number: u8) -> Option<Family> {
        match number {
            1 => Some(Family::V4),
            2 => Some(Family::V6),
            _ => None,
        }
    }
}

/// Which family the relayed address is to have. The raw number: an unknown one is answered with
/// 440, not 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedAddressFamily(pub u8);

impl Attribute<'_> for RequestedAddressFamily {
    const TYPE: u16 = 0x0017;

    fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
        let [family, ..] = <[u8; 4]>::try_from(value).ok()?;
        Some(RequestedAddressFamily(family))
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        out.extend_from_slice(&[self.0, 0, 0, 0]);
    }
}
