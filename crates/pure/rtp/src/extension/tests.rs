use std::time::Duration;

use super::{
    AbsSendTime, AudioLevel, Extension, ExtensionMap, PlayoutDelay, URIS, VideoOrientation, text,
    transport_sequence,
};

#[test]
fn every_extension_has_its_own_uri() {
    for (index, extension) in Extension::ALL.into_iter().enumerate() {
        assert_eq!(extension.index(), index);
        assert_eq!(URIS[index].0, extension);
        assert_eq!(Extension::from_uri(extension.uri()), Some(extension));
    }
    assert_eq!(Extension::from_uri("urn:ietf:params:rtp-hdrext:toffset"), None);
}

#[test]
fn a_map_looks_up_both_ways() {
    let map = ExtensionMap::new(&[(3, Extension::Mid), (200, Extension::AudioLevel)]);
    assert_eq!(map.id(Extension::Mid), Some(3));
    assert_eq!(map.extension(200), Some(Extension::AudioLevel));
    assert_eq!(map.extension(4), None);
    assert_eq!(map.extension(0), None);
    assert_eq!(map.id(Extension::AbsSendTime), None);
}

#[test]
fn values_survive_a_round_trip() {
    for byte in 0..=255 {
        let level = AudioLevel::parse(&[byte]).unwrap();
        assert_eq!(level.to_bytes(), [byte]);
    }
    let delay = PlayoutDelay { min: 0xabc, max: 0x123 };
    assert_eq!(delay.to_bytes(), [0xab, 0xc1, 0x23]);
    assert_eq!(PlayoutDelay::parse(&delay.to_bytes()), Some(delay));
    let orientation = VideoOrientation { back_camera: true, flipped: false, quarter_turns: 3 };
    assert_eq!(VideoOrientation::parse(&orientation.to_bytes()), Some(orientation));
    assert_eq!(transport_sequence(&[1, 2]), Some(0x0102));
    assert_eq!(text(b"12"), Some("12"));
}

#[test]
fn absolute_send_time_wraps_every_64_seconds() {
    let time = AbsSendTime::from_duration(Duration::from_millis(64_000 + 1_500));
    assert_eq!(time.to_bytes(), [0x06, 0x00, 0x00]);
    assert_eq!(time.to_duration(), Duration::from_millis(1_500));
    assert_eq!(AbsSendTime::parse(&[0x06, 0, 0]), Some(time));
}

#[test]
fn short_or_foreign_values_are_refused() {
    assert_eq!(AudioLevel::parse(&[]), None);
    assert_eq!(AbsSendTime::parse(&[1, 2]), None);
    assert_eq!(PlayoutDelay::parse(&[1, 2]), None);
    assert_eq!(transport_sequence(&[1]), None);
    assert_eq!(text(b""), None);
    assert_eq!(text(&[0xff]), None);
    assert_eq!(text(b"a b"), None);
}
