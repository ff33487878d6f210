//! H.264 NAL units (RFC 6184 §5.2 to §5.8).

use crate::bytes::u16_at;

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Whether this payload holds, or begins a fragment of, an IDR slice or a sequence parameter set;
/// `None` if it ends too early.
pub(super) fn starts_keyframe(payload: &[u8]) -> Option<bool> {
    match unit_type(*payload.first()?) {
        STAP_A => Some(aggregate_has_key(&payload[1..])),
        FU_A => {
            let fragment = *payload.get(1)?;
            Some(fragment & 0x80 != 0 && is_key(unit_type(fragment)))
        }
        unit => Some(is_key(unit)),
    }
}

/// Whether one unit of a STAP-A is a key unit. A unit cut short ends the search.
fn aggregate_has_key(mut units: &[u8]) -> bool {
    while let Some(size) = u16_at(units, 0) {
        let end = 2 + usize::from(size);
        match units.get(2..end).and_then(<[u8]>::first) {
            Some(head) if is_key(unit_type(*head)) => return true,
            Some(_) => units = &units[end..],
            None => return false,
        }
    }
    false
}

const fn unit_type(head: u8) -> u8 {
    head & 0x1f
}

const fn is_key(unit: u8) -> bool {
    matches!(unit, IDR | SPS)
}
