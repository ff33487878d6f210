//! Published test vectors: RFC 5769 and RFC 8489 Appendix B.1 as corrected by erratum 6268.

use crate::attribute::{
    IceControlled, Nonce, PasswordAlgorithm as Choice, Priority, Realm, Software, UserHash,
    Username, XorMappedAddress,
};
use crate::{Builder, Class, Key, Message, Method, PasswordAlgorithm};

/// RFC 5769 §2.1.
const REQUEST: &str = "
    000100582112a442b7e7a701bc34d686fa87dfae
    802200105354554e207465737420636c69656e74
    002400046e0001ff
    80290008932ff9b151263b36
    000600096576746a3a68367659202020
    000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2
    80280004e57a3bcf";

/// RFC 5769 §2.2.
const RESPONSE_V4: &str = "
    0101003c2112a442b7e7a701bc34d686fa87dfae
    8022000b7465737420766563746f7220
    002000080001a147e112a643
    000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7
    80280004c07d4c96";

/// RFC 5769 §2.3.
const RESPONSE_V6: &str = "
    010100482112a442b7e7a701bc34d686fa87dfae
    8022000b7465737420766563746f7220
    002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9
    00080014a382954e4be67bf11784c97c8292c275bfe3ed41
    80280004c8fb0b4c";

/// RFC 5769 §2.4.
const LONG_TERM: &str = "
    000100602112a44278ad3433c6ad72c029da412e
    00060012e3839ee38388e383aae38383e382afe382b90000
    0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341
    0014000b6578616d706c652e6f726700
    00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

/// RFC 8489 Appendix B.1, erratum 6268.
const LONG_TERM_SHA256: &str = "
    000100902112a44278ad3433c6ad72c029da412e
    001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704
    001500296f624d61744a6f7332414141
    43662f2f3439396b39353464364f4c33346f4c39465354767936347341000000
    0014000b6578616d706c652e6f726700
    001d000400020000
    001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65";

const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const MATRIX: &str = "\u{30de}\u{30c8}\u{30ea}\u{30c3}\u{30af}\u{30b9}";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn rfc5769_request() {
    let bytes = bytes(REQUEST);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Request, Method::BINDING));
    assert_eq!(message.find::<Software<'_>>().unwrap().0, "STUN test client");
    assert_eq!(message.find::<Username<'_>>().unwrap().0, "evtj:h6vY");
    assert_eq!(message.find::<Priority>(), Some(Priority(0x6e00_01ff)));
    assert_eq!(message.find::<IceControlled>(), Some(IceControlled(0x932f_f9b1_5126_3b36)));
    assert!(message.verify_fingerprint());
    message.verify_integrity(&Key::short_term(PASSWORD)).unwrap();
    message.verify_integrity(&Key::short_term("another")).unwrap_err();
}

#[test]
fn rfc5769_responses() {
    let cases = [
        (RESPONSE_V4, "192.0.2.1:32853"),
        (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ];
    for (hex, address) in cases {
        let bytes = bytes(hex);
        let message = Message::parse(&bytes).unwrap();
        let mapped = XorMappedAddress(address.parse().unwrap());
        assert_eq!(message.class(), Class::Success);
        assert_eq!(message.find::<Software<'_>>().unwrap().0, "test vector");
        assert_eq!(message.find::<XorMappedAddress>(), Some(mapped));
        assert!(message.verify_fingerprint());
        message.verify_integrity(&Key::short_term(PASSWORD)).unwrap();
    }
}

#[test]
fn rfc5769_responses_are_written_alike() {
    // The vector pads with a space, we with zero; both are covered by integrity, so only the
    // length of the text is kept.
    for hex in [RESPONSE_V4, RESPONSE_V6] {
        let theirs = bytes(hex);
        let message = Message::parse(&theirs).unwrap();
        let key = Key::short_term(PASSWORD);
        let mut ours = Vec::new();
        Builder::new(&mut ours, message.class(), message.method(), message.transaction_id())
            .push(&message.find::<Software<'_>>().unwrap())
            .push(&message.find::<XorMappedAddress>().unwrap())
            .integrity(&key)
            .fingerprint();
        assert_eq!(ours.len(), theirs.len());
        assert_eq!(ours[36..ours.len() - 32], theirs[36..theirs.len() - 32]);
        let ours = Message::parse(&ours).unwrap();
        assert!(ours.verify_fingerprint());
        ours.verify_integrity(&key).unwrap();
    }
}

#[test]
fn rfc5769_long_term() {
    let theirs = bytes(LONG_TERM);
    let message = Message::parse(&theirs).unwrap();
    assert_eq!(message.find::<Username<'_>>().unwrap().0, MATRIX);
    let key = Key::long_term(PasswordAlgorithm::Md5, MATRIX, "example.org", "TheMatrIX");
    message.verify_integrity(&key).unwrap();

    let mut ours = Vec::new();
    Builder::new(&mut ours, Class::Request, Method::BINDING, message.transaction_id())
        .push(&Username(MATRIX))
        .push(&Nonce("f//499k954d6OL34oL9FSTvy64sA"))
        .push(&Realm("example.org"))
        .integrity(&key);
    assert_eq!(ours, theirs);
}

#[test]
fn rfc8489_b1() {
    let theirs = bytes(LONG_TERM_SHA256);
    let message = Message::parse(&theirs).unwrap();
    let hash = UserHash::new(MATRIX, "example.org");
    assert_eq!(message.find::<UserHash>(), Some(hash));
    assert_eq!(message.find::<Choice>(), Some(Choice(2)));
    let key = Key::long_term(PasswordAlgorithm::Sha256, MATRIX, "example.org", "TheMatrIX");
    message.verify_integrity(&key).unwrap();

    let mut ours = Vec::new();
    Builder::new(&mut ours, Class::Request, Method::BINDING, message.transaction_id())
        .push(&hash)
        .push(&Nonce("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA"))
        .push(&Realm("example.org"))
        .push(&Choice(2))
        .integrity_sha256(&key);
    assert_eq!(ours, theirs);
}
