//! VP9 payload descriptor (RFC 9628 §4.2).

/// Whether this payload begins a frame of the lowest spatial layer that is predicted from no other
/// picture; `None` if it ends too early.
pub(super) fn starts_keyframe(payload: &[u8]) -> Option<bool> {
    let descriptor = *payload.first()?;
    let inter_predicted = descriptor & 0x40 != 0;
    let begins_frame = descriptor & 0x08 != 0;
    if inter_predicted || !begins_frame {
        return Some(false);
    }
    Some(spatial_layer(payload, descriptor)? == 0)
}

/// The spatial layer id, 0 where the descriptor has no layer indices.
fn spatial_layer(payload: &[u8], descriptor: u8) -> Option<u8> {
    let mut at = 1;
    if descriptor & 0x80 != 0 {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    if descriptor & 0x20 == 0 {
        return Some(0);
    }
    Some((payload.get(at)? >> 1) & 0x07)
}
