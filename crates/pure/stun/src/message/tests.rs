use super::*;
use crate::attribute::*;

const ID: TransactionId = TransactionId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);

fn request() -> Vec<u8> {
    let mut bytes = Vec::new();
    Builder::new(&mut bytes, Class::Request, Method::ALLOCATE, ID);
    bytes
}

fn built(fill: impl FnOnce(&mut Builder<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    fill(&mut Builder::new(&mut bytes, Class::Request, Method::ALLOCATE, ID));
    bytes
}

fn parse_error(bytes: &[u8]) -> Error {
    Message::parse(bytes).unwrap_err()
}

#[test]
fn header_errors() {
    let good = request();
    Message::parse(&good).unwrap();
    let broken = |index: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[index] = value;
        bytes
    };
    assert_eq!(parse_error(&[]), Error::NotStun);
    assert_eq!(parse_error(&good[..19]), Error::NotStun);
    assert_eq!(parse_error(&broken(0, 0x40)), Error::NotStun);
    assert_eq!(parse_error(&broken(4, 0x22)), Error::NotStun);
    assert_eq!(parse_error(&broken(3, 4)), Error::Length);
    assert_eq!(parse_error(&broken(3, 2)), Error::Length);
    let mut long = good.clone();
    long.push(0);
    assert_eq!(parse_error(&long), Error::Length);
}

#[test]
fn attribute_list_errors() {
    let mut overrun = built(|b| {
        b.push(&Lifetime(1));
    });
    overrun[23] = 8;
    assert_eq!(parse_error(&overrun), Error::Attribute);
    let misplaced = built(|b| {
        b.fingerprint().push(&Lifetime(1));
    });
    assert_eq!(parse_error(&misplaced), Error::Fingerprint);
    let short = built(|b| {
        b.push_raw(FINGERPRINT, &[1, 2]);
    });
    assert_eq!(parse_error(&short), Error::Fingerprint);
    let sha1 = built(|b| {
        b.push_raw(MESSAGE_INTEGRITY, &[0; 16]);
    });
    assert_eq!(parse_error(&sha1), Error::Integrity);
    for length in [0, 12, 18, 36] {
        let sha256 = built(|b| {
            b.push_raw(MESSAGE_INTEGRITY_SHA256, &vec![0; length]);
        });
        assert_eq!(parse_error(&sha256), Error::Integrity);
    }
}

#[test]
fn every_attribute_survives() {
    let v6 = "[2001:db8::1]:9".parse().unwrap();
    let bytes = built(|b| {
        b.push(&Username("u"))
            .push(&Realm("re"))
            .push(&Nonce("non"))
            .push(&Software("soft"))
            .push(&XorMappedAddress(v6))
            .push(&XorPeerAddress("192.0.2.1:1".parse().unwrap()))
            .push(&XorRelayedAddress(v6))
            .push(&ErrorCode { code: 438, reason: "Stale" })
            .push(&UnknownAttributes(vec![0x7fff, 1, 2]))
            .push(&Lifetime(600))
            .push(&ChannelNumber(0x4abc))
            .push(&Data(b"abc"))
            .push(&RequestedTransport::UDP)
            .push(&RequestedAddressFamily(2))
            .push(&AdditionalAddressFamily(2))
            .push(&AddressErrorCode { family: Family::V6, code: 508 })
            .push(&EvenPort { reserve_next: true })
            .push(&ReservationToken([8; 8]))
            .push(&DontFragment)
            .push(&PasswordAlgorithm(2))
            .push(&PasswordAlgorithms::OURS)
            .push(&UserHash([3; 32]))
            .push(&Priority(77))
            .push(&UseCandidate)
            .push(&IceControlled(1 << 40))
            .push(&IceControlling(1 << 41));
    });
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attributes().count(), 26);
    assert_eq!(message.find(), Some(Username("u")));
    assert_eq!(message.find(), Some(Realm("re")));
    assert_eq!(message.find(), Some(Nonce("non")));
    assert_eq!(message.find(), Some(Software("soft")));
    assert_eq!(message.find(), Some(XorMappedAddress(v6)));
    assert_eq!(message.find(), Some(XorPeerAddress("192.0.2.1:1".parse().unwrap())));
    assert_eq!(message.find(), Some(XorRelayedAddress(v6)));
    assert_eq!(message.find(), Some(ErrorCode { code: 438, reason: "Stale" }));
    assert_eq!(message.find(), Some(UnknownAttributes(vec![0x7fff, 1, 2])));
    assert_eq!(message.find(), Some(Lifetime(600)));
    assert_eq!(message.find(), Some(ChannelNumber(0x4abc)));
    assert_eq!(message.find(), Some(Data(b"abc")));
    assert_eq!(message.find(), Some(RequestedTransport::UDP));
    assert_eq!(message.find(), Some(RequestedAddressFamily(2)));
    assert_eq!(message.find(), Some(AdditionalAddressFamily(2)));
    assert_eq!(message.find(), Some(AddressErrorCode { family: Family::V6, code: 508 }));
    assert_eq!(message.find(), Some(EvenPort { reserve_next: true }));
    assert_eq!(message.find(), Some(ReservationToken([8; 8])));
    assert_eq!(message.find(), Some(DontFragment));
    assert_eq!(message.find(), Some(PasswordAlgorithm(2)));
    assert_eq!(message.find(), Some(PasswordAlgorithms::OURS));
    assert_eq!(message.find(), Some(UserHash([3; 32])));
    assert_eq!(message.find(), Some(Priority(77)));
    assert_eq!(message.find(), Some(UseCandidate));
    assert_eq!(message.find(), Some(IceControlled(1 << 40)));
    assert_eq!(message.find(), Some(IceControlling(1 << 41)));
}

#[test]
fn malformed_values_are_errors_of_their_attribute() {
    let cases: [(u16, &[u8]); 8] = [
        (Lifetime::TYPE, &[0; 3]),
        (ChannelNumber::TYPE, &[0; 2]),
        (XorPeerAddress::TYPE, &[0, 3, 0, 0, 1, 2, 3, 4]),
        (XorPeerAddress::TYPE, &[0, 2, 0, 0, 1, 2, 3, 4]),
        (EvenPort::TYPE, &[]),
        (ErrorCode::TYPE, &[0, 0, 2, 0]),
        (Username::TYPE, &[0xff]),
        (UnknownAttributes::TYPE, &[1]),
    ];
    for (kind, value) in cases {
        let bytes = built(|b| {
            b.push_raw(kind, value);
        });
        let message = Message::parse(&bytes).unwrap();
        assert!(message.has(kind));
        let failed = match kind {
            0x000d => message.get::<Lifetime>().is_err(),
            0x000c => message.get::<ChannelNumber>().is_err(),
            0x0012 => message.get::<XorPeerAddress>().is_err(),
            0x0018 => message.get::<EvenPort>().is_err(),
            0x0009 => message.get::<ErrorCode<'_>>().is_err(),
            0x0006 => message.get::<Username<'_>>().is_err(),
            _ => message.get::<UnknownAttributes>().is_err(),
        };
        assert!(failed, "{kind:#06x} {value:?}");
    }
}

#[test]
fn usernames_have_fewer_than_509_bytes() {
    for (length, fits) in [(508, true), (509, false)] {
        let bytes = built(|b| {
            b.push_raw(Username::TYPE, &vec![b'u'; length]);
        });
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.find::<Username<'_>>().is_some(), fits);
    }
}

#[test]
fn what_follows_integrity_is_invisible() {
    let key = Key::short_term("secret");
    let bytes = built(|b| {
        b.push(&Lifetime(600)).integrity(&key);
        b.push(&Lifetime(0)).push(&DontFragment).integrity_sha256(&key);
        b.push(&ChannelNumber(0x4000)).fingerprint();
    });
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attributes().count(), 1);
    assert_eq!(message.find(), Some(Lifetime(600)));
    assert!(!message.has(DontFragment::TYPE));
    assert!(!message.has(ChannelNumber::TYPE));
    assert!(message.has_integrity() && message.has_integrity_sha256());
    assert!(message.verify_fingerprint());
    message.verify_integrity(&key).unwrap();
}

#[test]
fn sha256_may_be_truncated_to_16_bytes() {
    let key = Key::short_term("secret");
    for length in [16, 20, 24, 28, 32] {
        // The header counts the truncated attribute when the tag is computed.
        let mut bytes = built(|b| {
            b.push_raw(MESSAGE_INTEGRITY_SHA256, &vec![0; length]);
        });
        let tag = key.sign_sha256(&bytes[..HEADER_LEN]);
        bytes[24..].copy_from_slice(&tag.as_ref()[..length]);
        Message::parse(&bytes).unwrap().verify_integrity(&key).unwrap();
        bytes[24] ^= 1;
        Message::parse(&bytes).unwrap().verify_integrity(&key).unwrap_err();
    }
}

#[test]
fn a_message_that_would_not_fit_is_not_misframed() {
    let bytes = built(|b| {
        b.push(&Data(&vec![0; 65_520])).push(&Data(&[0; 100])).push(&Lifetime(1));
    });
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attributes().count(), 2);
    assert_eq!(message.find(), Some(Lifetime(1)));
}

#[test]
fn the_first_of_a_kind_counts() {
    let bytes = built(|b| {
        b.push(&Lifetime(1)).push(&Lifetime(2));
    });
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.find(), Some(Lifetime(1)));
    assert_eq!(message.all::<Lifetime>().count(), 2);
}
