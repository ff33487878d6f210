use super::*;
use crate::{Builder, Class, Method, TransactionId, channel_header};

fn stream() -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut request = Vec::new();
    Builder::new(&mut request, Class::Request, Method::BINDING, TransactionId([7; 12]))
        .fingerprint();
    let mut channel = channel_header(0x4000, 5).to_vec();
    channel.extend_from_slice(b"hello");
    let empty = channel_header(0x4fff, 0).to_vec();
    let mut bytes = request.clone();
    bytes.extend_from_slice(&channel);
    bytes.extend_from_slice(&[0, 0, 0]);
    bytes.extend_from_slice(&empty);
    bytes.extend_from_slice(&request);
    (bytes, vec![request.clone(), channel, empty, request])
}

fn drain(decoder: &mut Decoder, messages: &mut Vec<Vec<u8>>) {
    while let Some(message) = decoder.next().unwrap() {
        messages.push(message.to_vec());
    }
}

#[test]
fn cuts_any_split_the_same() {
    let (bytes, expected) = stream();
    for step in 1..=bytes.len() {
        let mut decoder = Decoder::new();
        let mut messages = Vec::new();
        for part in bytes.chunks(step) {
            decoder.push(part).unwrap();
            drain(&mut decoder, &mut messages);
        }
        assert_eq!(messages, expected, "in steps of {step}");
        assert_eq!(decoder.buffered(), 0);
    }
}

#[test]
fn waits_for_the_padding() {
    let mut decoder = Decoder::new();
    decoder.push(&[0x40, 0, 0, 1, 9, 0, 0]).unwrap();
    assert_eq!(decoder.next().unwrap(), None);
    decoder.push(&[0]).unwrap();
    assert_eq!(decoder.next().unwrap(), Some(&mut [0x40, 0, 0, 1, 9][..]));
}

#[test]
fn garbage_is_an_error_at_once() {
    let cases: [&[u8]; 6] =
        [b"G", b"\x50", b"\x40", b"\x00\x01\x00\x03", b"\x00\x01\x00\x00\x21\x12\xa4\x43", b"\xff"];
    for bytes in cases {
        let mut decoder = Decoder::new();
        decoder.push(bytes).unwrap();
        let expected = if matches!(bytes[0], 0x40 | b'G') { Ok(None) } else { Err(Error::Garbage) };
        assert_eq!(decoder.next().map(|m| m.map(|m| m.to_vec())), expected, "{bytes:?}");
    }
}

#[test]
fn the_longest_channel_data_fits() {
    let mut decoder = Decoder::new();
    decoder.push(&channel_header(0x4000, 65_535)).unwrap();
    for _ in 0..16 {
        decoder.push(&[1; 4096]).unwrap();
    }
    assert_eq!(decoder.next().unwrap().map(|m| m.len()), Some(65_539));
    assert_eq!(decoder.buffered(), 0);
}

#[test]
fn the_buffer_is_bounded() {
    let mut decoder = Decoder::new();
    decoder.push(&[0; MAX_BUFFERED]).unwrap();
    assert_eq!(decoder.push(&[0]), Err(Error::Overflow));
}

#[test]
fn tells_turn_from_http() {
    let (bytes, _) = stream();
    assert_eq!(sniff(&bytes), Sniff::Stun);
    assert_eq!(sniff(&bytes[..8]), Sniff::Stun);
    assert_eq!(sniff(&bytes[..7]), Sniff::Incomplete);
    assert_eq!(sniff(b""), Sniff::Incomplete);
    for other in [&b"GET / HTTP/1.1"[..], b"HEAD", b"P", b"\x16\x03\x01", b"\0\x01\0\0\x21\x13"] {
        assert_eq!(sniff(other), Sniff::Other);
    }
}
