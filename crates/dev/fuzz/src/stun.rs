//! STUN messages and the stream that carries them.

use roomline_stun::attribute::{
    AdditionalAddressFamily, AddressErrorCode, Attribute, ChannelNumber, Data, ErrorCode, EvenPort,
    IceControlled, IceControlling, Lifetime, Nonce, PasswordAlgorithm, PasswordAlgorithms,
    Priority, Realm, RequestedAddressFamily, RequestedTransport, ReservationToken, Software,
    UnknownAttributes, UserHash, Username, XorMappedAddress, XorPeerAddress, XorRelayedAddress,
};
use roomline_stun::framing::{Decoder, Error, MAX_BUFFERED};
use roomline_stun::{ChannelData, Key, Message, is_stun};

/// Reads a message with every attribute we know, and checks what protects it.
pub fn stun_message(data: &[u8]) {
    let _ = ChannelData::parse(data);
    let Ok(message) = Message::parse(data) else { return };
    assert!(is_stun(data));
    assert!(message.attributes().count() <= data.len() / 4);
    let _ = (message.class(), message.method(), message.verify_fingerprint());
    let _ = message.verify_integrity(&Key::short_term("password"));
    assert!(message.unknown_required(&[]).count() <= data.len() / 4);
    read::<AdditionalAddressFamily>(&message);
    read::<AddressErrorCode>(&message);
    read::<ChannelNumber>(&message);
    read::<Data<'_>>(&message);
    read::<ErrorCode<'_>>(&message);
    read::<EvenPort>(&message);
    read::<IceControlled>(&message);
    read::<IceControlling>(&message);
    read::<Lifetime>(&message);
    read::<Nonce<'_>>(&message);
    read::<PasswordAlgorithm>(&message);
    read::<PasswordAlgorithms<'_>>(&message);
    read::<Priority>(&message);
    read::<Realm<'_>>(&message);
    read::<RequestedAddressFamily>(&message);
    read::<RequestedTransport>(&message);
    read::<ReservationToken>(&message);
    read::<Software<'_>>(&message);
    read::<UnknownAttributes>(&message);
    read::<UserHash>(&message);
    read::<Username<'_>>(&message);
    read::<XorMappedAddress>(&message);
    read::<XorPeerAddress>(&message);
    read::<XorRelayedAddress>(&message);
}

fn read<'a, A: Attribute<'a>>(message: &Message<'a>) {
    let _ = message.all::<A>().count();
}

/// The same messages come out however the stream is cut. The first byte is the size of the cuts.
pub fn stun_framing(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    assert_eq!(messages(stream, usize::from(size).max(1)), messages(stream, MAX_BUFFERED / 2));
}

fn messages(stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<Error>) {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    for chunk in stream.chunks(size) {
        if let Err(error) = decoder.push(chunk) {
            return (found, Some(error));
        }
        loop {
            match decoder.next() {
                Ok(Some(message)) => found.push(message.to_vec()),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
        assert!(decoder.buffered() <= MAX_BUFFERED);
    }
    (found, None)
}
