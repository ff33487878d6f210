use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::{Fields, Form, HeaderWriter};
use crate::RtpPacket;

const FIELDS: Fields = Fields {
    marker: true,
    payload_type: 96,
    sequence_number: 0xfffe,
    timestamp: 0xdead_beef,
    ssrc: 0xcafe_babe,
};

fn written(form: Form, elements: &[(u8, Vec<u8>)]) -> (Vec<u8>, Vec<bool>) {
    let mut buffer = b"before".to_vec();
    let mut writer = HeaderWriter::new(&mut buffer, &FIELDS, form);
    let accepted = elements.iter().map(|(id, value)| writer.extension(*id, value)).collect();
    let len = writer.finish();
    let packet = buffer.split_off(6);
    assert_eq!(packet.len(), len);
    assert_eq!(buffer, b"before");
    (packet, accepted)
}

fn read(packet: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let parsed = RtpPacket::parse(packet).unwrap();
    assert_eq!(parsed.header().len(), packet.len());
    parsed.extensions().map(|(id, value)| (id, value.to_vec())).collect()
}

#[test]
fn a_header_without_extensions_is_twelve_bytes() {
    let (packet, _) = written(Form::OneByte, &[]);
    assert_eq!(packet, [0x80, 0xe0, 0xff, 0xfe, 0xde, 0xad, 0xbe, 0xef, 0xca, 0xfe, 0xba, 0xbe]);
}

#[test]
fn short_elements_take_the_one_byte_form() {
    for form in [Form::OneByte, Form::Mixed] {
        let elements = [(1, vec![0xaa]), (14, vec![1; 16])];
        let (packet, _) = written(form, &elements);
        assert_eq!(packet[0], 0x90);
        assert_eq!(packet[12..18], [0xbe, 0xde, 0, 5, 0x10, 0xaa]);
        assert_eq!(read(&packet), elements);
    }
}

#[test]
fn the_one_byte_form_refuses_what_does_not_fit() {
    let elements = [
        (0, vec![1]),
        (15, vec![1]),
        (1, vec![]),
        (2, vec![0; 17]),
        (3, vec![7]),
        (4, vec![0; 256]),
    ];
    let (packet, accepted) = written(Form::OneByte, &elements);
    assert_eq!(accepted, [false, false, false, false, true, false]);
    assert_eq!(read(&packet), [(3, vec![7])]);
}

#[test]
fn mixed_headers_widen_when_an_element_needs_it() {
    let elements =
        [(1, vec![1]), (2, vec![2; 16]), (3, vec![3; 3]), (4, vec![4; 17]), (200, vec![])];
    let (packet, accepted) = written(Form::Mixed, &elements);
    assert!(accepted.iter().all(|accepted| *accepted));
    assert_eq!(packet[12..14], [0x10, 0x00]);
    assert_eq!(read(&packet), elements);
    assert_eq!(written(Form::Mixed, &[(1, vec![0; 256]), (0, vec![1])]).1, [false, false]);
}

#[test]
fn every_form_survives_a_round_trip() {
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..5_000 {
        let form = *[Form::OneByte, Form::Mixed].choose(&mut rng).unwrap();
        let longest = if rng.random_bool(0.5) { 4 } else { 40 };
        let elements: Vec<_> = (0..rng.random_range(0..20))
            .map(|_| (rng.random_range(0..20), vec![rng.random(); rng.random_range(0..longest)]))
            .collect();
        let (packet, accepted) = written(form, &elements);
        let expected: Vec<_> = elements
            .into_iter()
            .zip(accepted)
            .filter_map(|(element, accepted)| accepted.then_some(element))
            .collect();
        assert_eq!(read(&packet), expected);
    }
}
