//! What an answer says, and which offers get none.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;

use common::{AUDIO, DATA, VIDEO, answer, answer_in, offer};
use roomline_rtp::Extension;
use roomline_sdp::{
    DataSection, Description, Fingerprint, FingerprintHash, Offer, Placement, SdpError, Session,
    Setup,
};

/// The lines of the section that starts with `m=MEDIA`.
fn section<'a>(text: &'a str, media: &str) -> Vec<&'a str> {
    let start = format!("m={media} ");
    let lines = text.lines().skip_while(|line| !line.starts_with(&start));
    lines.enumerate().take_while(|(i, l)| *i == 0 || !l.starts_with("m=")).map(|(_, l)| l).collect()
}

#[test]
fn the_transport_is_ice_lite_passive_and_bundled() {
    let answer = answer(&offer(&[AUDIO, VIDEO, DATA])).unwrap();
    let read = Description::parse(&answer.text).unwrap();
    assert!(read.ice_lite);
    assert_eq!(read.setup, Setup::Passive);
    assert_eq!(read.bundle, ["a", "v", "d"]);
    assert_eq!((read.ice.ufrag.as_str(), read.session_id), ("srvr", 5));
    let fingerprint = Fingerprint { hash: FingerprintHash::Sha256, digest: vec![1; 32] };
    assert_eq!(read.fingerprints, [fingerprint]);
    let candidate = "a=candidate:1 1 udp 2130706431 192.0.2.1 10000 typ host";
    assert!(section(&answer.text, "audio").contains(&candidate));
    assert!(section(&answer.text, "audio").contains(&"a=end-of-candidates"));
    // aiortc reads the candidates of the last section of a bundle.
    assert!(section(&answer.text, "video").contains(&candidate));
}

#[test]
fn a_slot_is_announced_with_msid_and_ssrcs() {
    let answer = answer(&offer(&[AUDIO, VIDEO])).unwrap();
    let local = answer.media[1].local.clone().unwrap();
    let (ssrc, rtx) = (local.ssrc, local.rtx_ssrc.unwrap());
    let video = section(&answer.text, "video");
    for line in [
        "a=sendonly".to_owned(),
        format!("a=msid:{}", local.msid),
        format!("a=ssrc-group:FID {ssrc} {rtx}"),
        format!("a=ssrc:{ssrc} cname:{}", local.cname),
        format!("a=ssrc:{rtx} cname:{}", local.cname),
    ] {
        assert!(video.contains(&line.as_str()), "{line} not in {video:#?}");
    }
    let audio = section(&answer.text, "audio");
    assert!(audio.contains(&"a=recvonly"));
    assert!(!audio.iter().any(|line| line.starts_with("a=msid") || line.starts_with("a=ssrc")));
}

#[test]
fn data_channels_tell_both_sides_limits() {
    let answer = answer(&offer(&[AUDIO, DATA])).unwrap();
    let data = DataSection { mid: "d".into(), sctp_port: 5001, max_message_size: 1000 };
    assert_eq!(answer.data, Some(data));
    let lines = section(&answer.text, "application");
    assert!(lines.contains(&"a=sctp-port:5000") && lines.contains(&"a=max-message-size:65536"));
}

#[test]
fn what_is_not_forwarded_is_rejected_and_the_rest_accepted() {
    let pcmu = AUDIO.replace("opus/48000/2", "PCMU/8000");
    let text = "m=text 9 UDP/TLS/RTP/SAVPF 98\na=mid:t\na=rtcp-mux\na=rtpmap:98 t140/1000\n";
    let answer = answer(&offer(&[&pcmu, text, VIDEO])).unwrap();
    let order = [
        Placement::Rejected { mid: "a".into(), media: "audio".into() },
        Placement::Rejected { mid: "t".into(), media: "text".into() },
        Placement::Media(0),
    ];
    assert_eq!(answer.order, order);
    let read = Description::parse(&answer.text).unwrap();
    assert_eq!(read.bundle, ["v"]);
    assert!(section(&answer.text, "audio")[0].starts_with("m=audio 0 UDP/TLS/RTP/SAVPF 111"));
    // The first accepted section carries the candidates instead.
    assert!(section(&answer.text, "video").contains(&"a=end-of-candidates"));
}

#[test]
fn extensions_depend_on_kind_and_on_transport_wide_feedback() {
    let with = |section: &str, lines: &str| format!("{section}{lines}");
    let uris = [Extension::AbsSendTime, Extension::TransportSequence, Extension::AudioLevel];
    let maps: String =
        (3..).zip(uris).map(|(id, e)| format!("a=extmap:{id} {}\n", e.uri())).collect();
    let accepted = |section: &str| answer(&offer(&[section])).unwrap().media[0].extensions.clone();
    assert_eq!(accepted(&with(VIDEO, &maps)), [(3, Extension::AbsSendTime)]);
    let feedback = with(VIDEO, "a=rtcp-fb:* transport-cc\n");
    assert_eq!(accepted(&with(&feedback, &maps)), [(4, Extension::TransportSequence)]);
    let audio = [(3, Extension::AbsSendTime), (5, Extension::AudioLevel)];
    assert_eq!(accepted(&with(AUDIO, &maps)), audio);
    // Feedback without the numbers it would speak of is refused.
    let answered = answer(&offer(&[&feedback])).unwrap();
    assert!(!answered.media[0].codecs[0].transport_cc);
}

#[test]
fn two_byte_ids_need_mixed_headers() {
    let far = format!("{AUDIO}a=extmap:16 {}\n", Extension::Mid.uri());
    assert!(answer(&offer(&[&far])).unwrap().media[0].extensions.is_empty());
    let mixed = offer(&[&far]).replace("a=setup", "a=extmap-allow-mixed\na=setup");
    let answer = answer(&mixed).unwrap();
    assert_eq!(answer.media[0].extensions, [(16, Extension::Mid)]);
    assert!(answer.text.contains("\r\na=extmap-allow-mixed\r\n"));
}

#[test]
fn a_single_section_needs_no_group() {
    let text = offer(&[AUDIO]).replace("a=group:BUNDLE a\n", "");
    let answer = answer(&text).unwrap();
    assert!(!answer.text.contains("a=group"));
    assert!(answer.text.contains("a=end-of-candidates"));
}

#[test]
fn transport_attributes_of_the_tagged_section_win() {
    let own = format!("{VIDEO}a=ice-ufrag:other\na=ice-pwd:otherotherotherotherother\n");
    assert_eq!(Offer::parse(&offer(&[AUDIO, &own])).unwrap().ice.ufrag, "user");
    assert_eq!(Offer::parse(&offer(&[&own, AUDIO])).unwrap().ice.ufrag, "other");
}

#[test]
fn an_error_changes_nothing() {
    let mut session = Session::new(5);
    let good = Offer::parse(&offer(&[AUDIO, VIDEO])).unwrap();
    let first = answer_in(&mut session, &good).unwrap();
    let fewer = Offer::parse(&offer(&[AUDIO]).replace("a=ice-ufrag:user", "a=ice-ufrag:fresh"));
    let error = answer_in(&mut session, &fewer.unwrap()).unwrap_err();
    assert_eq!(error, SdpError::SectionsRemoved { before: 2, now: 1 });
    assert!(!session.is_ice_restart(&good));
    let second = answer_in(&mut session, &good).unwrap();
    assert_eq!(first.media, second.media);
    assert!(second.text.contains("o=- 5 2 "));
}

/// Replace a part of a good offer and see what the answerer says.
fn refusal(from: &str, to: &str) -> SdpError {
    let good = offer(&[AUDIO, VIDEO, DATA]);
    assert!(good.contains(from), "{from}");
    answer(&good.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn offers_that_cannot_work_are_refused_with_the_reason() {
    let mid = |mid: &str| mid.to_owned();
    assert_eq!(refusal("BUNDLE a v d", "BUNDLE a v"), SdpError::NotBundled { mid: mid("d") });
    assert_eq!(refusal("a=rtcp-mux\n", ""), SdpError::NoRtcpMux { mid: mid("a") });
    assert_eq!(refusal("a=mid:v\n", ""), SdpError::MissingMid { index: 1 });
    assert_eq!(refusal("a=mid:v", "a=mid:a"), SdpError::DuplicateMid { mid: mid("a") });
    assert_eq!(refusal("a=ice-ufrag:user", "a=ice-ufrag:u"), SdpError::NoIceCredentials);
    assert_eq!(refusal("a=ice-pwd", "a=x"), SdpError::NoIceCredentials);
    assert_eq!(refusal("a=setup", "a=ice-lite\na=setup"), SdpError::BothIceLite);
    assert_eq!(refusal("actpass", "passive"), SdpError::WrongSetup("passive"));
    assert_eq!(refusal("sha-256", "sha-1"), SdpError::NoFingerprint);
}

#[test]
fn an_offer_of_nothing_we_know_is_refused() {
    let error = answer(&offer(&[&AUDIO.replace("opus", "speex")])).unwrap_err();
    assert_eq!(error, SdpError::NothingAccepted);
    let stopped = AUDIO.replace("m=audio 9", "m=audio 0");
    assert_eq!(answer(&offer(&[&stopped])).unwrap_err(), SdpError::NothingAccepted);
    let bundle_only = format!("{stopped}a=bundle-only\n");
    assert_eq!(answer(&offer(&[&bundle_only])).unwrap().media.len(), 1);
    let second = DATA.replace("a=mid:d", "a=mid:e");
    assert_eq!(answer(&offer(&[DATA, &second])).unwrap_err(), SdpError::SecondDataSection);
}

#[test]
fn ids_and_payload_types_mean_one_thing_in_a_bundle() {
    let mapped = |section: &str, e: Extension| format!("{section}a=extmap:3 {}\n", e.uri());
    let (a, v) = (mapped(AUDIO, Extension::Mid), mapped(VIDEO, Extension::PlayoutDelay));
    let error = answer(&offer(&[&a, &v])).unwrap_err();
    assert_eq!(error, SdpError::ExtensionConflict { id: 3 });
    let error = answer(&offer(&[AUDIO, &VIDEO.replace("96", "111")])).unwrap_err();
    assert_eq!(error, SdpError::PayloadTypeConflict { payload_type: 111 });
}

#[test]
fn broken_lines_are_named() {
    let cases = [
        ("v=0", "v=1", 1),
        ("o=- 7 8", "o=- x 8", 2),
        ("t=0 0", "garbage", 4),
        ("a=setup:actpass", "a=setup:holdconn", 9),
        ("m=audio 9", "m=audio nine", 10),
        ("SAVPF 111\n", "SAVPF 128\n", 10),
        ("a=mid:a", "a=mid:seventeen-letters", 11),
        ("opus/48000/2", "opus", 14),
        ("a=ssrc:11", "a=ssrc:-1", 15),
        ("a=rtcp-fb:96 nack\n", "a=rtcp-fb:x nack\n", 22),
        ("apt=96", "apt=96\u{7}", 25),
        ("sctp-port:5001", "sctp-port:70000", 28),
        ("size:1000", "size:many", 29),
    ];
    for (from, to, expected) in cases {
        match refusal(from, to) {
            SdpError::Syntax { line, .. } => assert_eq!(line, expected, "{to}"),
            other => panic!("{to}: {other}"),
        }
    }
}

#[test]
fn size_is_bounded() {
    let long = "a=x\n".repeat(70_000);
    assert!(matches!(Offer::parse(&long), Err(SdpError::TooLong(280_000))));
    let many = format!("v=0\n{}", "m=audio 0 RTP/AVP 0\n".repeat(201));
    assert_eq!(Offer::parse(&many).unwrap_err(), SdpError::TooManySections);
    assert_eq!(Offer::parse("v=0\n").unwrap_err(), SdpError::NoSections);
    assert!(matches!(Offer::parse(""), Err(SdpError::Syntax { line: 1, .. })));
}
