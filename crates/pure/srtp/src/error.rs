//! Why a packet or a key was refused.

/// An SRTP or SRTCP operation that failed. A packet that was refused is to be dropped: its bytes
/// may be half transformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// A key, a salt or the keying material has the wrong length for the profile.
    #[error("a key has the wrong length for its SRTP profile")]
    KeyLength,
    /// The packet is too short for its header, tag and index.
    #[error("the packet is too short for SRTP")]
    Truncated,
    /// The authentication tag is wrong: another key, or an altered packet.
    #[error("the SRTP authentication tag is wrong")]
    Authentication,
    /// This packet was received before.
    #[error("the SRTP packet is a replay")]
    Replayed,
    /// The packet is older than the replay window reaches.
    #[error("the SRTP packet is older than the replay window")]
    TooOld,
    /// The peer uses more sources than [`MAX_SOURCES`](crate::MAX_SOURCES).
    #[error("too many SRTP sources")]
    TooManySources,
    /// An SRTCP packet without encryption, which was not negotiated.
    #[error("the SRTCP packet is not encrypted")]
    Unencrypted,
    /// The key has protected as many packets as it may (RFC 3711 §9.2).
    #[error("the SRTCP index is used up")]
    KeyExhausted,
    /// The cryptographic library refused.
    #[error("the cryptographic library refused")]
    Cipher,
}
