//! STUN, TURN and ICE attributes: one type each.
//!
//! Addresses, integrity and FINGERPRINT depend on the whole message; everything else is a plain
//! value. FINGERPRINT and the integrity attributes are handled by
//! [`Message`](crate::Message) and [`Builder`](crate::Builder) themselves.

mod additional_address_family;
mod address_error_code;
mod address_family;
mod channel_number;
mod data;
mod dont_fragment;
mod error_code;
mod even_port;
mod ice_role;
mod lifetime;
mod password_algorithm;
mod password_algorithms;
mod priority;
mod requested_transport;
mod reservation_token;
mod text;
mod unknown_attributes;
mod use_candidate;
mod userhash;
mod xor_address;

pub use additional_address_family::AdditionalAddressFamily;
pub use address_error_code::AddressErrorCode;
pub use address_family::{Family, RequestedAddressFamily};
pub use channel_number::ChannelNumber;
pub use data::Data;
pub use dont_fragment::DontFragment;
pub use error_code::ErrorCode;
pub use even_port::EvenPort;
pub use ice_role::{IceControlled, IceControlling};
pub use lifetime::Lifetime;
pub use password_algorithm::PasswordAlgorithm;
pub use password_algorithms::PasswordAlgorithms;
pub use priority::Priority;
pub use requested_transport::RequestedTransport;
pub use reservation_token::ReservationToken;
pub use text::{Nonce, Realm, Software, Username};
pub use unknown_attributes::UnknownAttributes;
pub use use_candidate::UseCandidate;
pub use userhash::UserHash;
pub use xor_address::{XorMappedAddress, XorPeerAddress, XorRelayedAddress};

use crate::message::TransactionId;

/// MESSAGE-INTEGRITY (RFC 8489 §14.5).
pub const MESSAGE_INTEGRITY: u16 = 0x0008;
/// MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6).
pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
/// FINGERPRINT (RFC 8489 §14.7).
pub const FINGERPRINT: u16 = 0x8028;

/// An attribute that can be read from and written to a message.
pub trait Attribute<'a>: Sized {
    /// The registered type.
    const TYPE: u16;

    /// Reads the value (without padding); none when it is malformed.
    fn decode(value: &'a [u8], transaction: TransactionId) -> Option<Self>;

    /// Appends the value, without padding.
    fn encode(&self, out: &mut Vec<u8>, transaction: TransactionId);
}

/// The value of an attribute is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed attribute {kind:#06x}")]
pub struct DecodeError {
    /// Its type.
    pub kind: u16,
}
