//! RTP and RTCP packet views and codec payload headers.
//!
//! In scope: the RTP fixed header and header extensions (RFC 3550 §5.1, RFC 8285), sequence number
//! arithmetic, retransmission payloads (RFC 4588), RTCP compound packets (RFC 3550 §6, RFC 4585,
//! RFC 5104, REMB, transport-wide congestion control) and just enough of the codec payload formats
//! to find a keyframe (RFC 7741, RFC 9628, RFC 6184, the AV1 RTP payload specification).
//!
//! Out of scope: encryption, jitter buffering, deciding what to forward.
//!
//! Views borrow the packet or hold offsets into it; writers append to a buffer the caller keeps.
//! Nothing here allocates per packet once that buffer has grown to its working size.
//!
//! ```
//! use roomline_rtp::{Fields, Form, HeaderWriter, RtpPacket};
//!
//! let mut buffer = Vec::new();
//! let fields = Fields { marker: true, payload_type: 96, sequence_number: 7, timestamp: 90_000, ssrc: 1 };
//! let mut writer = HeaderWriter::new(&mut buffer, &fields, Form::OneByte);
//! writer.extension(4, b"0");
//! writer.finish();
//! buffer.extend_from_slice(b"payload");
//!
//! let packet = RtpPacket::parse(&buffer)?;
//! assert_eq!(packet.header().sequence_number(), 7);
//! assert_eq!(packet.extension(4), Some(&b"0"[..]));
//! assert_eq!(packet.payload(), b"payload");
//! # Ok::<(), roomline_rtp::RtpError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bytes;
pub mod codec;
mod error;
pub mod extension;
mod header;
pub mod rtcp;
pub mod rtx;
mod sequence;
mod writer;

#[cfg(test)]
mod fuzz;

pub use codec::VideoCodec;
pub use error::RtpError;
pub use extension::{Extension, ExtensionMap};
pub use header::{Extensions, Header, RtpPacket};
pub use rtcp::RtcpError;
pub use sequence::{Extender, is_newer, is_newer_timestamp};
pub use writer::{Fields, Form, HeaderWriter};
