//! Mutated offers never panic, and what is accepted is written so that it reads back.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod common;

use common::{VECTORS, answer_in};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomline_sdp::{Answer, Description, Offer, SectionBody, Session};

const WORDS: [&str; 12] = [
    "BUNDLE",
    "a=mid:0",
    "0",
    "65536",
    "4294967296",
    "-1",
    " ",
    ":",
    "apt=96",
    "recvonly",
    "\r",
    "m=video 0 UDP/TLS/RTP/SAVPF 96",
];

/// One to eight small accidents: lines lost, doubled, exchanged or cut, words put in, bytes changed.
fn mutate(text: &str, rng: &mut StdRng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..rng.random_range(1..=8) {
        let at = rng.random_range(0..lines.len());
        let other = rng.random_range(0..lines.len());
        match rng.random_range(0..6) {
            0 if lines.len() > 1 => drop(lines.remove(at)),
            1 => lines.insert(other, lines[at].clone()),
            2 => lines.swap(at, other),
            3 => lines.truncate(at.max(1)),
            4 => insert_word(&mut lines[at], rng),
            _ => change_byte(&mut lines[at], rng),
        }
    }
    lines.join("\r\n")
}

fn insert_word(line: &mut String, rng: &mut StdRng) {
    let at = rng.random_range(0..=line.len());
    if line.is_char_boundary(at) {
        line.insert_str(at, WORDS[rng.random_range(0..WORDS.len())]);
    }
}

fn change_byte(line: &mut String, rng: &mut StdRng) {
    let mut chars: Vec<char> = line.chars().collect();
    if !chars.is_empty() {
        let at = rng.random_range(0..chars.len());
        chars[at] = char::from(rng.random::<u8>());
    }
    *line = chars.into_iter().collect();
}

fn check(offer: &Offer, answer: &Answer) {
    let read = Description::parse(&answer.text).expect("we read what we write");
    assert_eq!(read.sections.len(), offer.sections.len());
    assert_eq!(answer.order.len(), offer.sections.len());
    for section in &answer.media {
        assert!(!section.codecs.is_empty());
        assert_eq!(section.local.is_some(), section.receives);
        let Some(written) = read.sections.iter().find(|s| s.mid == section.mid && !s.rejected)
        else {
            panic!("{} is not in the answer", section.mid);
        };
        let SectionBody::Media(media) = &written.body else { panic!("not media") };
        assert_eq!(media.codecs, section.codecs);
        assert_eq!(media.extensions, section.extensions);
        assert_eq!(media.direction.sends(), section.receives);
    }
}

#[test]
fn mutated_offers_are_answered_well_or_refused() {
    let mut rng = StdRng::seed_from_u64(20);
    let (mut answered, mut refused) = (0, 0);
    for round in 0..3_000 {
        let (_, text) = VECTORS[round % VECTORS.len()];
        let mut session = Session::new(5);
        let Ok(offer) = Offer::parse(&mutate(text, &mut rng)) else {
            refused += 1;
            continue;
        };
        match answer_in(&mut session, &offer) {
            Ok(answer) => {
                check(&offer, &answer);
                answered += 1;
            }
            Err(_) => refused += 1,
        }
    }
    // Otherwise the mutations would be too wild or too tame to try anything.
    assert!(answered > 300 && refused > 300, "{answered} answered, {refused} refused");
}

#[test]
fn noise_is_refused() {
    let mut rng = StdRng::seed_from_u64(21);
    for _ in 0..2_000 {
        let length = rng.random_range(0..300);
        let noise: String = (0..length).map(|_| char::from(rng.random::<u8>())).collect();
        assert!(Offer::parse(&format!("v=0\r\n{noise}")).is_err());
    }
}
