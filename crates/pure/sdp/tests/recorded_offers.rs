//! What real clients offer is understood, and answered in a way they took when it was recorded.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;

use common::{VECTORS, answer_in, vector};
use roomline_rtp::Extension;
use roomline_sdp::{Answer, Codec, Kind, MediaSection, Offer, Placement, Session};

fn names(section: &MediaSection) -> Vec<&str> {
    section.codecs.iter().map(|codec| codec.name.as_str()).collect()
}

fn join(name: &str) -> (Session, Answer) {
    let mut session = Session::new(5);
    let answer = answer_in(&mut session, &vector(name)).expect("an answer");
    (session, answer)
}

#[test]
fn every_recorded_offer_is_answered_and_the_answer_reads_back() {
    for (name, text) in VECTORS {
        let offer = Offer::parse(text).expect(name);
        let answer = answer_in(&mut Session::new(5), &offer).expect(name);
        let read = Offer::parse(&answer.text).expect(name);
        assert_eq!(read.sections.len(), offer.sections.len(), "{name}");
        assert!(read.ice_lite, "{name}");
        for (answered, offered) in read.sections.iter().zip(&offer.sections) {
            assert_eq!(answered.mid, offered.mid, "{name}");
            assert_eq!(answered.rejected, offered.rejected, "{name}");
        }
    }
}

#[test]
fn a_join_gives_two_publications_six_slots_and_data_channels() {
    for name in ["chromium-join", "firefox-join", "aiortc-join"] {
        let (_, answer) = join(name);
        let kinds: Vec<_> = answer.media.iter().map(|s| (s.kind, s.sends, s.receives)).collect();
        let (audio, video) = (Kind::Audio, Kind::Video);
        let mut expected = vec![(audio, true, false), (video, true, false)];
        expected.extend([(audio, false, true); 3]);
        expected.extend([(video, false, true); 3]);
        assert_eq!(kinds, expected, "{name}");
        assert!(answer.data.is_some(), "{name}");
        assert_eq!(answer.order.len(), 9, "{name}");
        assert_eq!(answer.order.last(), Some(&Placement::Data), "{name}");
        for section in &answer.media {
            assert_eq!(section.local.is_some(), section.receives, "{name} {}", section.mid);
        }
    }
}

#[test]
fn ssrcs_in_slots_are_all_different() {
    let (_, answer) = join("chromium-join");
    let mut ssrcs: Vec<u32> = answer
        .media
        .iter()
        .flat_map(|s| s.local.iter().flat_map(|l| [Some(l.ssrc), l.rtx_ssrc]).flatten())
        .collect();
    // Three audio slots without RTX, three video slots with.
    assert_eq!(ssrcs.len(), 9);
    ssrcs.sort_unstable();
    ssrcs.dedup();
    assert_eq!(ssrcs.len(), 9);
}

#[test]
fn chromium_gets_its_codecs_without_the_ones_we_do_not_forward() {
    let (_, answer) = join("chromium-join");
    let [audio, video] = &answer.media[..2] else { panic!("two publications") };
    assert_eq!(names(audio), ["opus"]);
    let mut video_names = names(video);
    assert_eq!(video_names.first(), Some(&"VP8"));
    video_names.sort_unstable();
    video_names.dedup();
    assert_eq!(video_names, ["AV1", "H264", "VP8", "VP9"]);
    let vp8 = &video.codecs[0];
    assert!(vp8.nack && vp8.nack_pli && vp8.ccm_fir && vp8.transport_cc && vp8.goog_remb);
    assert!(video.codecs.iter().all(|codec| codec.rtx.is_some()));
    let ids: Vec<Extension> = video.extensions.iter().map(|(_, e)| *e).collect();
    for wanted in [Extension::Mid, Extension::TransportSequence, Extension::VideoOrientation] {
        assert!(ids.contains(&wanted), "{wanted:?}");
    }
    assert!(!ids.contains(&Extension::AbsSendTime));
    assert!(!answer.text.contains("ulpfec") && !answer.text.contains("telephone-event"));
}

#[test]
fn chromium_names_its_ssrcs() {
    let (_, answer) = join("chromium-join");
    let [audio, video] = &answer.media[..2] else { panic!("two publications") };
    assert_eq!(audio.remote_ssrcs.len(), 1);
    assert_eq!(audio.remote_ssrcs[0].rtx, None);
    assert_eq!(video.remote_ssrcs.len(), 1);
    assert!(video.remote_ssrcs[0].rtx.is_some());
    assert!(video.remote_cname.is_some());
}

#[test]
fn aiortc_gets_the_bandwidth_estimation_it_knows() {
    let (_, answer) = join("aiortc-balanced-sendrecv");
    let video = &answer.media[1];
    assert!(video.sends && video.receives);
    assert!(video.local.is_some());
    let estimated = |codec: &Codec| codec.goog_remb && !codec.transport_cc;
    assert!(video.codecs.iter().any(estimated));
    assert!(video.extensions.iter().any(|(_, e)| *e == Extension::AbsSendTime));
}

#[test]
fn an_ice_restart_keeps_every_slot() {
    for client in ["chromium", "firefox"] {
        let (mut session, first) = join(&format!("{client}-join"));
        let restart = vector(&format!("{client}-ice-restart"));
        assert!(session.is_ice_restart(&restart), "{client}");
        let second = answer_in(&mut session, &restart).expect("an answer");
        assert!(!session.is_ice_restart(&restart), "{client}");
        assert_eq!(first.media, second.media, "{client}");
        assert_eq!(first.data, second.data, "{client}");
        assert!(first.text.contains("\r\no=- 5 1 ") && second.text.contains("\r\no=- 5 2 "));
    }
}

#[test]
fn more_slots_leave_the_others_alone_and_a_stopped_section_is_rejected() {
    for client in ["chromium", "firefox"] {
        let (mut session, first) = join(&format!("{client}-join"));
        let second = answer_in(&mut session, &vector(&format!("{client}-more"))).expect("answer");
        assert_eq!(first.media[2..], second.media[1..7], "{client}");
        let rejected = Placement::Rejected { mid: "0".into(), media: "audio".into() };
        assert_eq!(second.order[0], rejected, "{client}");
        assert!(second.text.contains("m=audio 0 UDP/TLS/RTP/SAVPF"), "{client}");
        let inactive = &second.media[0];
        assert!(!inactive.sends && !inactive.receives, "{client}");
        let added = second.media.last().expect("a section");
        assert!(added.receives && added.kind == Kind::Video, "{client}");
    }
}
