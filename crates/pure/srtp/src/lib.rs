//! SRTP and SRTCP transforms (RFC 3711, RFC 7714).
//!
//! In scope: the three protection profiles that WebRTC uses, key derivation, replay protection and
//! the splitting of DTLS keying material (RFC 5764). Out of scope: the DTLS handshake, MKI, key
//! derivation rates, and SRTCP without encryption, which DTLS-SRTP does not negotiate.
//!
//! Packets are transformed in place. Keys are scheduled once, when a context is made; after that
//! only the first packet of a new source allocates.
//!
//! ```
//! use roomline_srtp::{Inbound, Outbound, Profile};
//!
//! let (key, salt) = ([1; 16], [2; 12]);
//! let mut outbound = Outbound::new(Profile::AeadAes128Gcm, &key, &salt)?;
//! let mut inbound = Inbound::new(Profile::AeadAes128Gcm, &key, &salt)?;
//!
//! let plain = *b"\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07payload";
//! let mut packet = plain.to_vec();
//! outbound.seal_rtp(0, &mut packet, 0, 12)?;
//! let len = inbound.open_rtp(&mut packet, 12)?;
//! assert_eq!(packet[..len], plain);
//! # Ok::<(), roomline_srtp::SrtpError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod cipher;
mod error;
mod inbound;
mod kdf;
mod outbound;
mod profile;
mod replay;

#[cfg(test)]
mod tests;

pub use error::SrtpError;
pub use inbound::{Inbound, MAX_SOURCES};
pub use outbound::Outbound;
pub use profile::{KeyingMaterial, Profile};
