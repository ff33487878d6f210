//! STUN (RFC 8489) messages and the TURN (RFC 8656) server state machine.
//!
//! - [`Message`] is a checked, zero-copy view of one STUN message; [`Builder`] writes one.
//! - [`attribute`] holds one type per attribute.
//! - [`Key`] authenticates messages (MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256).
//! - [`framing::Decoder`] cuts a TCP or TLS stream into STUN and ChannelData messages.
//! - [`turn::Server`] is the TURN server: feed it messages, drain events.

#![forbid(unsafe_code)]

pub mod attribute;
mod base64;
mod channel_data;
pub mod framing;
mod integrity;
mod message;
pub mod turn;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;

pub use channel_data::{ChannelData, ChannelDataError, channel_header, is_channel_number, padding};
pub use integrity::{Key, PasswordAlgorithm, Unauthentic};
pub use message::{
    Attributes, Builder, Class, Error as ParseError, HEADER_LEN, MAGIC_COOKIE, Message, Method,
    RawAttribute, TransactionId, is_stun,
};
