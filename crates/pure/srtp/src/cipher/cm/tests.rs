//! A packet as a widely used C implementation publishes it in its self test: RFC 3711 has vectors
//! for the parts (see the key derivation) but none for a whole packet.

use crate::Profile;
use crate::cipher::{Cipher, RtcpIndex, RtpIndex};
use crate::kdf::Master;
use crate::tests::{hex, unhex};

fn master() -> Master {
    Master::new(
        Profile::AesCm128HmacSha1_80,
        &unhex("e1f97a0d3e018be0d64fa32c06de4139"),
        &unhex("0ec675ad498afeebb6960b3aabe6"),
    )
    .unwrap()
}

#[test]
fn rtp_packet() {
    let cipher = Cipher::rtp(Profile::AesCm128HmacSha1_80, &master()).unwrap();
    let plain = "800f1234decafbadcafebabeabababababababababababababababab";
    let index = RtpIndex { ssrc: 0xcafe_babe, roc: 0, sequence: 0x1234 };
    let mut packet = unhex(plain);
    packet.extend_from_slice(&[0; 10]);
    cipher.seal_rtp(&mut packet, 12, index).unwrap();
    assert_eq!(
        hex(&packet),
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    );
    let len = cipher.open_rtp(&mut packet, 12, index).unwrap();
    assert_eq!(hex(&packet[..len]), plain);
}

#[test]
fn rtcp_packet() {
    let cipher = Cipher::rtcp(Profile::AesCm128HmacSha1_80, &master()).unwrap();
    let plain = "81c8000bcafebabeabababababababababababababababab";
    let index = RtcpIndex { ssrc: 0xcafe_babe, index: 1 };
    let mut packet = unhex(plain);
    packet.extend_from_slice(&[0; 14]);
    cipher.seal_rtcp(&mut packet, index).unwrap();
    assert_eq!(
        hex(&packet),
        "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798"
    );
    assert_eq!(cipher.rtcp_index_word(&packet), Some(0x8000_0001));
    let len = cipher.open_rtcp(&mut packet, index).unwrap();
    assert_eq!(hex(&packet[..len]), plain);
}
