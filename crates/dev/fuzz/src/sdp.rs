//! Offers.

use rand::SeedableRng;
use rand::rngs::StdRng;
use roomline_sdp::{Description, Local, Offer, Session};

/// Reads an offer and answers it twice; what is written must read back.
pub fn sdp_offer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(offer) = Offer::parse(text) else { return };
    let mut session = Session::new(1);
    let mut rng = StdRng::seed_from_u64(1);
    let local = Local {
        ufrag: "user",
        pwd: "passwordpasswordpassword",
        fingerprint_sha256: [0; 32],
        candidates: &[],
    };
    let Ok(first) = session.answer(&offer, &local, &mut rng) else { return };
    let read = Description::parse(&first.text).expect("an answer reads back");
    assert_eq!(read.sections.len(), offer.sections.len());
    assert!(!session.is_ice_restart(&offer));
    let second = session.answer(&offer, &local, &mut rng).expect("the same offer again");
    assert_eq!(first.media, second.media);
}
