//! Why bytes are not an RTP packet.

/// A packet that does not parse as RTP (RFC 3550 §5.1, RFC 8285).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// The packet ends within its fixed header, CSRC list or header extension.
    #[error("the RTP packet ends inside its header")]
    Truncated,
    /// The version field is not 2.
    #[error("the RTP version is not 2")]
    Version,
    /// The padding count is zero or larger than what follows the header.
    #[error("the RTP padding is longer than the payload")]
    Padding,
}
