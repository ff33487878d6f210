//! XOR-MAPPED-ADDRESS (RFC 8489 §14.2), XOR-PEER-ADDRESS and XOR-RELAYED-ADDRESS (RFC 8656
//! §18.3, §18.5). They differ in their type alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Attribute, Family};
use crate::message::{MAGIC_COOKIE, TransactionId};

macro_rules! xor_address {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub SocketAddr);

        impl Attribute<'_> for $name {
            const TYPE: u16 = $kind;

            fn decode(value: &[u8], transaction: TransactionId) -> Option<Self> {
                decode(value, transaction).map($name)
            }

            fn encode(&self, out: &mut Vec<u8>, transaction: TransactionId) {
                encode(self.0, out, transaction);
            }
        }
    };
}

xor_address!(
    /// The source address the server saw.
    XorMappedAddress,
    0x0020
);
xor_address!(
    /// A peer of an allocation.
    XorPeerAddress,
    0x0012
);
xor_address!(
    /// The address of an allocation as peers see it.
    XorRelayedAddress,
    0x0016
);

/// The cookie and the transaction id: what the address is XORed with.
fn pad(transaction: TransactionId) -> u128 {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    bytes[4..].copy_from_slice(&transaction.0);
    u128::from_be_bytes(bytes)
}

const PORT_PAD: u16 = (MAGIC_COOKIE >> 16) as u16;

fn decode(value: &[u8], transaction: TransactionId) -> Option<SocketAddr> {
    let (&[_, family, p0, p1], address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([p0, p1]) ^ PORT_PAD;
    let ip = match Family::from_number(family)? {
        Family::V4 => {
            let bits = u32::from_be_bytes(address.try_into().ok()?) ^ MAGIC_COOKIE;
            IpAddr::V4(Ipv4Addr::from(bits))
        }
        Family::V6 => {
            let bits = u128::from_be_bytes(address.try_into().ok()?) ^ pad(transaction);
            IpAddr::V6(Ipv6Addr::from(bits))
        }
    };
    Some(SocketAddr::new(ip, port))
}

fn encode(address: SocketAddr, out: &mut Vec<u8>, transaction: TransactionId) {
    out.extend_from_slice(&[0, Family::of(address.ip()).number()]);
    out.extend_from_slice(&(address.port() ^ PORT_PAD).to_be_bytes());
    match address.ip() {
        IpAddr::V4(ip) => out.extend_from_slice(&(ip.to_bits() ^ MAGIC_COOKIE).to_be_bytes()),
        IpAddr::V6(ip) => out.extend_from_slice(&(ip.to_bits() ^ pad(transaction)).to_be_bytes()),
    }
}
