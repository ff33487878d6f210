use super::VideoCodec;

fn keyframe(codec: VideoCodec, payload: &[u8]) -> bool {
    codec.starts_keyframe(payload)
}

#[test]
fn codecs_are_found_by_name() {
    assert_eq!(VideoCodec::from_name("vp8"), Some(VideoCodec::Vp8));
    assert_eq!(VideoCodec::from_name("VP9"), Some(VideoCodec::Vp9));
    assert_eq!(VideoCodec::from_name("H264"), Some(VideoCodec::H264));
    assert_eq!(VideoCodec::from_name("AV1"), Some(VideoCodec::Av1));
    assert_eq!(VideoCodec::from_name("opus"), None);
}

#[test]
fn vp8_keyframes() {
    let is = |payload: &[u8]| keyframe(VideoCodec::Vp8, payload);
    // Shortest descriptor; P of the frame header tells the frames apart.
    assert!(is(&[0x10, 0x50]));
    assert!(!is(&[0x10, 0x51]));
    // Not the start of a partition; not partition 0.
    assert!(!is(&[0x00, 0x50]));
    assert!(!is(&[0x11, 0x50]));
    // Every optional field, with a picture id of 7 and of 15 bits.
    assert!(is(&[0x90, 0xf0, 0x11, 0x01, 0x20, 0x50]));
    assert!(is(&[0x90, 0xf0, 0x91, 0x22, 0x01, 0x20, 0x50]));
    assert!(!is(&[0x90, 0xf0, 0x91, 0x22, 0x01, 0x20, 0x51]));
    assert!(is(&[0x90, 0x00, 0x50]));
    // A start code's worth of bits after the descriptor is needed.
    assert!(!is(&[0x90, 0xf0, 0x91, 0x22, 0x01]));
}

#[test]
fn vp9_keyframes() {
    let is = |payload: &[u8]| keyframe(VideoCodec::Vp9, payload);
    assert!(is(&[0x08]));
    // Predicted from another picture; not the beginning of a frame.
    assert!(!is(&[0x48]));
    assert!(!is(&[0x00]));
    // With picture ids of both lengths and layers: only spatial layer 0 begins a keyframe.
    assert!(is(&[0xa8, 0x01, 0x00]));
    assert!(is(&[0xa8, 0x81, 0x22, 0x01]));
    assert!(!is(&[0xa8, 0x81, 0x22, 0x02]));
    assert!(!is(&[0xa8, 0x81, 0x22]));
    assert!(is(&[0x88, 0x01]));
}

#[test]
fn h264_keyframes() {
    let is = |payload: &[u8]| keyframe(VideoCodec::H264, payload);
    assert!(is(&[0x65]));
    assert!(is(&[0x67]));
    // A picture parameter set and a slice of another picture.
    assert!(!is(&[0x68]));
    assert!(!is(&[0x41]));
    // STAP-A: parameter sets; others only; a unit cut short.
    assert!(is(&[0x78, 0, 2, 0x68, 1, 0, 1, 0x67]));
    assert!(!is(&[0x78, 0, 2, 0x68, 1, 0, 1, 0x41]));
    assert!(!is(&[0x78, 0, 2, 0x68, 1, 0, 9, 0x67]));
    assert!(!is(&[0x78, 0, 0, 0, 1]));
    // FU-A: the first fragment of an IDR slice, a later one, and of another slice.
    assert!(is(&[0x7c, 0x85]));
    assert!(!is(&[0x7c, 0x05]));
    assert!(!is(&[0x7c, 0x81]));
}

#[test]
fn av1_keyframes() {
    let is = |payload: &[u8]| keyframe(VideoCodec::Av1, payload);
    // N: a new coded video sequence; it cannot continue an element.
    assert!(is(&[0x18, 0x0a]));
    assert!(!is(&[0x98, 0x30]));
    // Without N: a sequence header as a sized, as a last and as a later element.
    assert!(is(&[0x00, 0x02, 0x08, 0x00]));
    assert!(is(&[0x10, 0x08, 0x00]));
    assert!(is(&[0x20, 0x01, 0x10, 0x08]));
    assert!(!is(&[0x10, 0x30, 0x00]));
    // The first element continues an earlier one: its first byte is no OBU header.
    assert!(!is(&[0x90, 0x08]));
    assert!(is(&[0xa0, 0x01, 0x08, 0x08]));
    // A length past the end, and one that never ends.
    assert!(!is(&[0x00, 0x7f, 0x08]));
    assert!(!is(&[0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08]));
}

#[test]
fn an_empty_payload_is_no_keyframe() {
    for codec in [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264, VideoCodec::Av1] {
        assert!(!codec.starts_keyframe(&[]));
    }
}
