//! Why an offer cannot be read or answered.

use crate::parse::{MAX_LENGTH, MAX_SECTIONS};

/// Why an offer cannot be read or answered. The message says what is wrong and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// More than [`MAX_LENGTH`] bytes.
    #[error("the SDP has {0} bytes, and at most {MAX_LENGTH} are read: offer fewer media sections")]
    TooLong(usize),
    /// More than [`MAX_SECTIONS`] sections.
    #[error("the SDP has more than {MAX_SECTIONS} media sections: reuse stopped ones")]
    TooManySections,
    /// A line that does not follow the grammar.
    #[error("line {line} of the SDP: {problem}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What was expected there.
        problem: &'static str,
    },
    /// No `m=` line.
    #[error("the SDP has no media section: add a transceiver or a data channel before the offer")]
    NoSections,
    /// `a=mid` is missing.
    #[error("media section {index} has no a=mid: every section needs one (RFC 9143)")]
    MissingMid {
        /// Counted from 0.
        index: usize,
    },
    /// Two sections with the same `a=mid`.
    #[error("two media sections have a=mid:{mid}: every section needs its own")]
    DuplicateMid {
        /// That mid.
        mid: String,
    },
    /// Several sections and not all of them in the BUNDLE group.
    #[error(
        "media section {mid} is not in the BUNDLE group: make the connection with \
         bundlePolicy \"max-bundle\""
    )]
    NotBundled {
        /// The section outside.
        mid: String,
    },
    /// RTCP on a port of its own.
    #[error("media section {mid} has no a=rtcp-mux: RTCP must share the RTP port (RFC 5761)")]
    NoRtcpMux {
        /// The section.
        mid: String,
    },
    /// No ICE credentials, or malformed ones.
    #[error(
        "the bundled transport has no valid a=ice-ufrag (4 to 256 ice-chars) and a=ice-pwd (22 to \
         256)"
    )]
    NoIceCredentials,
    /// The client is ICE-lite, as is the server.
    #[error(
        "both sides would be ICE-lite and nobody would send checks: offer from a full ICE agent"
    )]
    BothIceLite,
    /// No fingerprint that can be checked.
    #[error("the offer has no a=fingerprint with sha-256, sha-384 or sha-512: DTLS needs one")]
    NoFingerprint,
    /// The client wants to be the DTLS server.
    #[error("a=setup:{0} leaves nobody to start DTLS, since the server is passive: offer actpass")]
    WrongSetup(&'static str),
    /// One header extension id with two meanings in the bundle.
    #[error("header extension id {id} has two meanings in the BUNDLE group (RFC 9143 §9.2)")]
    ExtensionConflict {
        /// That id.
        id: u8,
    },
    /// One payload type with two meanings in the bundle.
    #[error("payload type {payload_type} has two meanings in the BUNDLE group (RFC 9143 §10.1.2)")]
    PayloadTypeConflict {
        /// That payload type.
        payload_type: u8,
    },
    /// More than one data channel section.
    #[error("the offer has more than one data channel section: all channels share one (RFC 8841)")]
    SecondDataSection,
    /// A renegotiation with fewer sections than before.
    #[error(
        "the offer has {now} media sections and there were {before}: sections are stopped, never \
         taken out (RFC 9429 §5.2.2)"
    )]
    SectionsRemoved {
        /// Sections in the last offer.
        before: usize,
        /// Sections in this one.
        now: usize,
    },
    /// No section can be accepted.
    #[error(
        "nothing in the offer can be accepted: offer opus, VP8, VP9, H264 or AV1, or a data channel"
    )]
    NothingAccepted,
}
