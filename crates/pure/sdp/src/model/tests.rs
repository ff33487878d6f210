use super::{Codec, Direction};

fn codec(name: &str, fmtp: &str) -> Codec {
    Codec {
        payload_type: 100,
        name: name.to_owned(),
        clock_rate: 90_000,
        channels: 1,
        fmtp: fmtp.to_owned(),
        nack: false,
        nack_pli: false,
        ccm_fir: false,
        transport_cc: false,
        goog_remb: false,
        rtx: None,
    }
}

fn h264(profile_level_id: &str) -> Codec {
    codec("H264", &format!("packetization-mode=1;profile-level-id={profile_level_id}"))
}

#[test]
fn names_are_compared_without_case_and_preferences_not_at_all() {
    let a = Codec { payload_type: 96, nack: true, rtx: Some(97), ..codec("vp8", "max-fs=12288") };
    assert!(a.matches(&codec("VP8", "")));
    assert!(!a.matches(&codec("VP9", "")));
    assert!(!a.matches(&Codec { clock_rate: 48_000, ..a.clone() }));
    assert!(!a.matches(&Codec { channels: 2, ..a.clone() }));
}

#[test]
fn spellings_of_one_h264_profile_match() {
    // Constrained Baseline by way of Baseline, Main and Extended, at several levels.
    for other in ["42e01f", "42E034", "42c00a", "4d801f", "58c01f"] {
        assert!(h264("42e01f").matches(&h264(other)), "{other}");
    }
    for other in ["42001f", "4d001f", "64001f", "640c1f", "f4001f", "58001f", "42e0", "zzzzzz"] {
        assert!(!h264("42e01f").matches(&h264(other)), "{other}");
    }
    assert!(h264("64001f").matches(&h264("640032")));
    assert!(h264("f4001f").matches(&h264("f4000a")));
    assert!(!h264("zzzzzz").matches(&h264("zzzzzz")));
}

#[test]
fn h264_packetization_modes_do_not_match() {
    assert!(!h264("42e01f").matches(&codec("H264", "profile-level-id=42e01f")));
    assert!(codec("H264", "profile-level-id=42000a").matches(&codec("h264", "")));
}

#[test]
fn vp9_and_av1_profiles_have_defaults() {
    assert!(codec("VP9", "profile-id=0").matches(&codec("VP9", "")));
    assert!(!codec("VP9", "profile-id=2").matches(&codec("VP9", "")));
    assert!(codec("AV1", "level-idx=5; profile=0; tier=0").matches(&codec("AV1", "")));
    assert!(!codec("AV1", "profile=1").matches(&codec("AV1", "profile=0")));
}

#[test]
fn parameters_are_found_between_blanks() {
    let codec = codec("opus", "minptime=10; UseInbandFec = 1;broken");
    assert_eq!(codec.parameter("useinbandfec"), Some("1"));
    assert_eq!(codec.parameter("broken"), None);
}

#[test]
fn a_direction_is_reversed_for_the_other_side() {
    assert_eq!(Direction::SendOnly.reversed(), Direction::RecvOnly);
    assert_eq!(Direction::RecvOnly.reversed(), Direction::SendOnly);
    assert_eq!(Direction::SendRecv.reversed(), Direction::SendRecv);
    assert_eq!(Direction::Inactive.reversed(), Direction::Inactive);
}
