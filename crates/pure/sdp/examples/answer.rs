//! Answers the offers in the files named on the command line, one after the other as one session,
//! and prints the last answer: `cargo run -p roomline-sdp --example answer -- first.sdp second.sdp`.

#![allow(clippy::print_stdout)]

use std::error::Error;

use rand::{SeedableRng, rngs::StdRng};
use roomline_sdp::{Local, Offer, Session};

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut session = Session::new(1);
    let mut generation = 0;
    let mut text = String::new();
    for path in std::env::args().skip(1) {
        let offer = Offer::parse(&std::fs::read_to_string(path)?)?;
        generation += u32::from(session.is_ice_restart(&offer));
        let local = Local {
            ufrag: &format!("ufrag{generation}"),
            pwd: &format!("pwdpwdpwdpwdpwdpwdpwd{generation}"),
            fingerprint_sha256: [0xab; 32],
            candidates: &["candidate:1 1 udp 2130706431 127.0.0.1 9 typ host".to_owned()],
        };
        text = session.answer(&offer, &local, &mut rng)?.text;
    }
    print!("{text}");
    Ok(())
}
