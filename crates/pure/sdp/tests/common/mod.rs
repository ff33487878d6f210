//! Offers to test with: recorded ones, and small ones put together by hand.

#![allow(dead_code)]

use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_sdp::{Answer, Local, Offer, SdpError, Session};

/// Offers recorded from Chromium, Firefox ESR and aiortc, by name.
pub const VECTORS: [(&str, &str); 8] = [
    ("chromium-join", include_str!("../vectors/chromium-join.sdp")),
    ("chromium-ice-restart", include_str!("../vectors/chromium-ice-restart.sdp")),
    ("chromium-more", include_str!("../vectors/chromium-more.sdp")),
    ("firefox-join", include_str!("../vectors/firefox-join.sdp")),
    ("firefox-ice-restart", include_str!("../vectors/firefox-ice-restart.sdp")),
    ("firefox-more", include_str!("../vectors/firefox-more.sdp")),
    ("aiortc-join", include_str!("../vectors/aiortc-join.sdp")),
    ("aiortc-balanced-sendrecv", include_str!("../vectors/aiortc-balanced-sendrecv.sdp")),
];

pub fn vector(name: &str) -> Offer {
    let (_, text) = VECTORS.iter().find(|(known, _)| *known == name).expect("a recorded offer");
    Offer::parse(text).expect("browsers write good offers")
}

pub const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:a\na=sendonly\na=rtcp-mux\n\
    a=rtpmap:111 opus/48000/2\na=ssrc:11 cname:me\n";
pub const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:v\na=recvonly\na=rtcp-mux\n\
    a=rtcp-rsize\na=rtpmap:96 VP8/90000\na=rtcp-fb:96 nack\na=rtcp-fb:96 nack pli\n\
    a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n";
pub const DATA: &str = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\n\
    a=sctp-port:5001\na=max-message-size:1000\n";

/// An offer with session-level transport attributes and these sections, all in one BUNDLE group.
pub fn offer(sections: &[&str]) -> String {
    let mids = sections.iter().filter_map(|s| s.split("a=mid:").nth(1)?.lines().next());
    let group = mids.collect::<Vec<_>>().join(" ");
    let fingerprint = ["AB"; 32].join(":");
    format!(
        "v=0\no=- 7 8 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE {group}\n\
         a=ice-ufrag:user\na=ice-pwd:passwordpasswordpassword\n\
         a=fingerprint:sha-256 {fingerprint}\na=setup:actpass\n{}",
        sections.concat()
    )
}

pub fn local(candidates: &[String]) -> Local<'_> {
    Local {
        ufrag: "srvr",
        pwd: "serverserverserverserver",
        fingerprint_sha256: [1; 32],
        candidates,
    }
}

pub fn answer_in(session: &mut Session, offer: &Offer) -> Result<Answer, SdpError> {
    let candidates = ["candidate:1 1 udp 2130706431 192.0.2.1 10000 typ host".to_owned()];
    session.answer(offer, &local(&candidates), &mut StdRng::seed_from_u64(7))
}

pub fn answer(text: &str) -> Result<Answer, SdpError> {
    answer_in(&mut Session::new(5), &Offer::parse(text)?)
}
