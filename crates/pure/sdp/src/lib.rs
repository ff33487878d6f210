//! SDP offers and answers (RFC 8866, RFC 9429).
//!
//! Text on one side, typed transport and RTP parameters on the other: [`Offer::parse`] reads a
//! description, [`Session::answer`] decides the answer to it and keeps what must not change over
//! renegotiations, and [`Description`] writes itself as text (`to_string`).
//!
//! In scope: one bundled DTLS association (RFC 9143) with audio and video sections
//! (`UDP/TLS/RTP/SAVPF`) and one data channel section (RFC 8841). Out of scope, and refused with
//! an error or a rejected section: unbundled transports, RTCP on a port of its own, simulcast
//! (RFC 8853), forward error correction, and codecs that a WebRTC browser does not send.

#![forbid(unsafe_code)]

mod error;
mod lines;
mod model;
mod negotiate;
mod parse;
mod write;

pub use error::SdpError;
pub use model::{
    Codec, DataParameters, Description, Direction, Fingerprint, FingerprintHash, IceCredentials,
    Kind, MediaParameters, Offer, OfferSection, RemoteSsrc, SectionBody, Setup,
};
pub use negotiate::{Answer, DataSection, Local, LocalStream, MediaSection, Placement, Session};
pub use parse::{MAX_LENGTH, MAX_SECTIONS};
