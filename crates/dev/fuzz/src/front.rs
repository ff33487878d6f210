//! What a connection to the HTTPS port carries.

use roomline_front::{Sniff, sniff};

/// A decision stays the same when more bytes come.
pub fn front_sniff(data: &[u8]) {
    let data = &data[..data.len().min(64)];
    let mut decided = Sniff::NeedMore;
    for length in 0..=data.len() {
        let now = sniff(&data[..length]);
        assert!(decided == Sniff::NeedMore || now == decided, "{decided:?}, then {now:?}");
        decided = now;
    }
    assert!(decided != Sniff::NeedMore || data.len() < 64);
}
