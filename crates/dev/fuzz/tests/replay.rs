//! Every target takes its seeds and their mutations. Deterministic, and on a stable toolchain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use roomline_fuzz::{TARGETS, Target};

/// How many mutations each target gets; DTLS does public-key cryptography for some of them.
const MUTATIONS: usize = 4_000;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("seeds")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// One to six accidents: bits flipped, bytes set, lost, put in, doubled, or taken from another seed.
fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..=6) {
        let at = rng.random_range(0..=bytes.len());
        let end = bytes.len().min(at + rng.random_range(0..16));
        match rng.random_range(0..7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
            2 => drop(bytes.drain(at..end)),
            3 => bytes.insert(at, rng.random()),
            4 => bytes.truncate(at),
            5 => bytes.extend_from_within(at..end),
            _ => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                let from = rng.random_range(0..=other.len());
                bytes.splice(at..end, other[from..].iter().take(24).copied());
            }
        }
    }
}

fn replay(name: &str, target: Target, mutations: usize) {
    let seeds = seeds(name);
    seeds.iter().for_each(|seed| target(seed));
    let mut rng = StdRng::seed_from_u64(3);
    for round in 0..mutations {
        let mut bytes = seeds[round % seeds.len()].clone();
        mutate(&mut bytes, &seeds, &mut rng);
        target(&bytes);
    }
    for length in 0..256 {
        let noise: Vec<u8> = (0..length).map(|_| rng.random()).collect();
        target(&noise);
    }
}

macro_rules! replays {
    ($($name:ident: $mutations:expr),+ $(,)?) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name), roomline_fuzz::$name, $mutations);
        })+

        const REPLAYED: &[&str] = &[$(stringify!($name)),+];
    };
}

replays! {
    dtls_handshake: MUTATIONS / 8,
    front_sniff: MUTATIONS,
    ice_check: MUTATIONS,
    rtcp_compound: MUTATIONS,
    rtp_packet: MUTATIONS,
    sdp_offer: MUTATIONS / 2,
    srtp_open: MUTATIONS,
    stun_framing: MUTATIONS,
    stun_message: MUTATIONS,
    turn_server: MUTATIONS,
}

#[test]
fn every_target_is_replayed_has_seeds_and_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).expect("a folder");
        let name = |path: PathBuf| path.file_stem().map(|s| s.to_string_lossy().into_owned());
        entries.filter_map(|entry| name(entry.ok()?.path())).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(REPLAYED.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), targets);
    assert_eq!(names("seeds"), targets);
    assert_eq!(names("fuzz_targets"), targets);
}
