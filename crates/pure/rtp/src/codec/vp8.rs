//! VP8 payload descriptor and frame header (RFC 7741 §4.2, §4.3).

/// Whether this payload begins partition 0 of a keyframe; `None` if it ends too early.
pub(super) fn starts_keyframe(payload: &[u8]) -> Option<bool> {
    let descriptor = *payload.first()?;
    let (extended, start, partition) =
        (descriptor & 0x80 != 0, descriptor & 0x10 != 0, descriptor & 0x07);
    if !start || partition != 0 {
        return Some(false);
    }
    let len = if extended { 1 + extension_len(payload)? } else { 1 };
    // The inverse keyframe flag, P: zero for a keyframe.
    Some(payload.get(len)? & 0x01 == 0)
}

/// Length of the X byte and what it announces.
fn extension_len(payload: &[u8]) -> Option<usize> {
    let flags = *payload.get(1)?;
    let picture_id = match flags & 0x80 {
        0 => 0,
        _ if payload.get(2)? & 0x80 != 0 => 2,
        _ => 1,
    };
    let tl0_picture_index = usize::from(flags & 0x40 != 0);
    let layer_or_key_index = usize::from(flags & 0x30 != 0);
    Some(1 + picture_id + tl0_picture_index + layer_or_key_index)
}
