use roomline_ice::Credentials;
use roomline_rtp::Extension;

use super::*;

const CHROMIUM: &str = include_str!("../../../../pure/sdp/tests/vectors/chromium-join.sdp");

fn local() -> Local {
    Local {
        session: 7,
        version: 2,
        credentials: Credentials { ufrag: "user".into(), pwd: "password".into() },
        setup: Setup::ActPass,
        fingerprint: "AB:CD".into(),
        candidates: vec!["candidate:1 1 udp 9 127.0.0.1 4000 typ host".into()],
        cname: "me".into(),
    }
}

fn streams(rids: &[Option<&str>]) -> Vec<Stream> {
    let named = rids.iter().map(|rid| rid.map(str::to_owned));
    named.map(|rid| Stream { ssrc: 11, rtx: Some(12), rid }).collect()
}

fn offered() -> Vec<Section> {
    vec![
        Section::offer(Kind::Video, "0".into(), Direction::SendOnly, streams(&[None])),
        Section::offer(Kind::Audio, "1".into(), Direction::RecvOnly, Vec::new()),
        Section::offer(
            Kind::Video,
            "2".into(),
            Direction::SendOnly,
            streams(&[Some("q"), Some("h"), Some("f")]),
        ),
        Section::offer(Kind::Application, "3".into(), Direction::SendRecv, Vec::new()),
    ]
}

#[test]
fn an_offer_reads_as_it_was_meant() {
    let text = write(&local(), &offered());
    let read = RemoteDescription::parse(&text).unwrap();
    assert_eq!(read.credentials, local().credentials);
    assert_eq!((read.setup, read.ice_lite), (Setup::ActPass, false));
    assert_eq!(read.candidates.len(), 1);
    let [video, audio, layers, data] = read.sections.as_slice() else { panic!("{text}") };
    assert_eq!((video.kind, video.direction), (Some(Kind::Video), Direction::SendOnly));
    assert_eq!(
        (video.sources.as_slice(), video.pairs.as_slice()),
        (&[11, 12][..], &[(11, 12)][..])
    );
    assert_eq!(video.rtx_of(video.codec("VP8").unwrap().payload_type), Some(97));
    assert!(video.extensions.contains(&(3, Extension::TransportSequence)));
    assert_eq!((audio.kind, audio.mid.as_str()), (Some(Kind::Audio), "1"));
    assert_eq!(audio.codec("opus").unwrap().clock_rate, 48_000);
    assert_eq!(layers.simulcast.as_deref(), Some("send q;h;f"));
    assert!(layers.sources.is_empty());
    let mut reversed = offered();
    reversed[2].largest_first = true;
    assert!(write(&local(), &reversed).contains("a=simulcast:send f;h;q\r\n"));
    assert_eq!(data.kind, Some(Kind::Application));
    assert!(text.contains("a=group:BUNDLE 0 1 2 3\r\n"));
}

#[test]
fn a_browsers_offer_is_answered_section_by_section() {
    let offer = RemoteDescription::parse(CHROMIUM).unwrap();
    let sections: Vec<Section> = offer.sections.iter().map(Section::accept).collect();
    let video = sections.iter().find(|section| section.kind == Some(Kind::Video)).unwrap();
    assert_eq!((video.payload_type, video.rtx), (96, Some(97)));
    assert_eq!(video.direction, Direction::RecvOnly);
    assert!(video.has_feedback("nack pli") && video.has_feedback("transport-cc"));
    let answer = RemoteDescription::parse(&write(&local(), &sections)).unwrap();
    assert_eq!(answer.sections.len(), offer.sections.len());
    for (ours, theirs) in answer.sections.iter().zip(&offer.sections) {
        assert_eq!((&ours.media, &ours.mid), (&theirs.media, &theirs.mid));
        assert!(!ours.direction.sends() || ours.kind == Some(Kind::Application));
    }
}

#[test]
fn what_we_do_not_speak_is_refused() {
    let text = "v=0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
        a=fingerprint:sha-256 AB:CD\r\na=setup:active\r\na=ice-lite\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:v\r\na=rtpmap:98 VP9/90000\r\na=sendonly\r\n\
        m=text 9 X 1\r\na=mid:t\r\n\
        m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n";
    let offer = RemoteDescription::parse(text).unwrap();
    assert_eq!((offer.setup, offer.ice_lite), (Setup::Active, true));
    let sections: Vec<Section> = offer.sections.iter().map(Section::accept).collect();
    assert!(sections.iter().all(|section| section.kind.is_none()));
    let answer = write(&local(), &sections);
    assert!(answer.contains("m=video 0 UDP/TLS/RTP/SAVPF 98\r\n"), "{answer}");
    assert!(answer.contains("m=text 0 X 1\r\n"));
}

#[test]
fn an_answer_decides_what_is_used() {
    let mut section = offered().remove(0);
    let text = "v=0\na=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\n\
        a=fingerprint:SHA-256 ab:cd\nm=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:0\n\
        a=rtpmap:96 VP8/90000\na=rtcp-fb:* nack\na=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\n";
    let answer = RemoteDescription::parse(text).unwrap();
    section.agree(&answer.sections[0]);
    assert_eq!(section.rtx, None);
    assert_eq!(section.extensions, [(9, Extension::Mid)]);
    assert!(section.has_feedback("nack") && !section.has_feedback("transport-cc"));
    assert!(answer.fingerprints[0].digest == [0xab, 0xcd]);
}

#[test]
fn what_is_needed_and_not_there_is_named() {
    let none = RemoteDescription::parse("v=0\r\n").unwrap_err();
    assert_eq!(none, SdpError::NoCredentials);
    let text = "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx\na=fingerprint:md5 00\n";
    assert_eq!(RemoteDescription::parse(text).unwrap_err(), SdpError::NoFingerprint);
}

#[test]
fn only_usable_candidates_are_taken() {
    assert!(candidate("candidate:1 1 udp 9 192.0.2.1 4000 typ host generation 0").is_some());
    assert!(candidate("candidate:1 1 UDP 9 2001:db8::1 4000 typ srflx raddr :: rport 0").is_some());
    for text in [
        "candidate:1 1 tcp 9 192.0.2.1 9 typ host tcptype active",
        "candidate:1 2 udp 9 192.0.2.1 4000 typ host",
        "candidate:1 1 udp 9 abc.local 4000 typ host",
        "",
    ] {
        assert!(candidate(text).is_none(), "{text}");
    }
}
