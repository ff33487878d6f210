//! RFC 7714 §16 and §17. Its vectors give session keys, so they apply below the key derivation.

use super::{ENCRYPTED, Gcm, RtcpIndex, RtpIndex};
use crate::SrtpError;
use crate::tests::{hex, unhex};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SALT: &[u8; 12] = b"Quid pro quo";

const RTP: &str = "8040f17b8041f8d35501a0b2\
                   47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
const RTP_INDEX: RtpIndex = RtpIndex { ssrc: 0x5501_a0b2, roc: 0, sequence: 0xf17b };

const RTCP: &str = "81c8000d4d617273\
                    4e5450314e545032525450200000042a0000e9304c756e61\
                    deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";
const RTCP_INDEX: RtcpIndex = RtcpIndex { ssrc: 0x4d61_7273, index: 0x5d4 };

fn cipher(key_len: usize) -> Gcm {
    Gcm::new(&unhex(KEY)[..key_len], *SALT).unwrap()
}

fn check_rtp(key_len: usize, sealed: &str) {
    let mut packet = unhex(RTP);
    packet.extend_from_slice(&[0; 16]);
    cipher(key_len).seal_rtp(&mut packet, 12, RTP_INDEX).unwrap();
    assert_eq!(hex(&packet), sealed);
    let len = cipher(key_len).open_rtp(&mut packet, 12, RTP_INDEX).unwrap();
    assert_eq!(hex(&packet[..len]), RTP);
}

fn check_rtcp(key_len: usize, sealed: &str) {
    let mut packet = unhex(RTCP);
    packet.extend_from_slice(&[0; 20]);
    cipher(key_len).seal_rtcp(&mut packet, RTCP_INDEX).unwrap();
    assert_eq!(hex(&packet), sealed);
    let len = cipher(key_len).open_rtcp(&mut packet, RTCP_INDEX).unwrap();
    assert_eq!(hex(&packet[..len]), RTCP);
}

/// §16.1.1 and §16.1.2.
#[test]
fn rtp_with_128_bits() {
    check_rtp(
        16,
        "8040f17b8041f8d35501a0b2\
         f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
         899d7f27beb16a9152cf765ee4390cce",
    );
}

/// §16.2.1 and §16.2.2.
#[test]
fn rtp_with_256_bits() {
    check_rtp(
        32,
        "8040f17b8041f8d35501a0b2\
         32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b\
         7aa3db36dfffd6b0f9bb7878d7a76c13",
    );
}

/// §16.1.3 and §16.1.4: everything authenticated, nothing encrypted.
#[test]
fn rtp_with_only_a_tag() {
    let mut packet = unhex(RTP);
    let len = packet.len();
    packet.extend_from_slice(&[0; 16]);
    cipher(16).seal_rtp(&mut packet, len, RTP_INDEX).unwrap();
    assert_eq!(hex(&packet[len..]), "22493f82d2bce397e9d79e3b19aa4216");
    assert_eq!(cipher(16).open_rtp(&mut packet, len, RTP_INDEX), Ok(len));
    packet[20] ^= 1;
    let refused = cipher(16).open_rtp(&mut packet, len, RTP_INDEX);
    assert_eq!(refused, Err(SrtpError::Authentication));
}

/// §17.1 and §17.2's first half.
#[test]
fn rtcp_with_128_bits() {
    check_rtcp(
        16,
        "81c8000d4d617273\
         63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda\
         4ce09b4686303ded0bb9275bc84aa458\
         96cf4d2fc5abf87245d9eade800005d4",
    );
}

/// The same with 256 bits.
#[test]
fn rtcp_with_256_bits() {
    check_rtcp(
        32,
        "81c8000d4d617273\
         d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be\
         8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
    );
}

/// §17.3 tags without encrypting. The tag fits its packet, but the flag is part of what is
/// authenticated, so setting it does not turn the one into the other.
#[test]
fn rtcp_with_only_a_tag_is_no_encrypted_packet() {
    let mut packet = unhex(RTCP);
    packet.extend_from_slice(&unhex("841dd9683dd78ec92ae58790125f62b3000005d4"));
    let word = packet.len() - 4;
    packet[word..].copy_from_slice(&(ENCRYPTED | RTCP_INDEX.index).to_be_bytes());
    let refused = cipher(16).open_rtcp(&mut packet, RTCP_INDEX);
    assert_eq!(refused, Err(SrtpError::Authentication));
}
