//! Fuzz targets: every parser that a stranger's bytes reach before authentication.
//!
//! A target is a plain function that must not panic, whatever the bytes. `tests/replay.rs` runs
//! each over its seeds and their mutations in a normal `cargo test`; `fuzz_targets/` wraps each
//! for libFuzzer. See README.md.

mod dtls;
mod front;
mod ice;
mod input;
mod rtp;
mod sdp;
mod srtp;
mod stun;
mod turn;

pub use dtls::dtls_handshake;
pub use front::front_sniff;
pub use ice::ice_check;
pub use rtp::{rtcp_compound, rtp_packet};
pub use sdp::sdp_offer;
pub use srtp::srtp_open;
pub use stun::{stun_framing, stun_message};
pub use turn::turn_server;

pub use ice::{LOCAL_PWD, USERNAME};

/// A function that takes a stranger's bytes and must not panic.
pub type Target = fn(&[u8]);

/// Every target by name: that of its folder in `seeds/` and of its file in `fuzz_targets/`.
pub const TARGETS: [(&str, Target); 10] = [
    ("dtls_handshake", dtls_handshake),
    ("front_sniff", front_sniff),
    ("ice_check", ice_check),
    ("rtcp_compound", rtcp_compound),
    ("rtp_packet", rtp_packet),
    ("sdp_offer", sdp_offer),
    ("srtp_open", srtp_open),
    ("stun_framing", stun_framing),
    ("stun_message", stun_message),
    ("turn_server", turn_server),
];
