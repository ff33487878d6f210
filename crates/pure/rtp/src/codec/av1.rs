//! AV1 aggregation header and OBU headers (AV1 RTP payload specification §4.4).

const SEQUENCE_HEADER: u8 = 1;

/// Whether this payload begins a coded video sequence: its N bit says so, or it carries a whole or
/// beginning sequence header; `None` if it ends too early.
pub(super) fn starts_keyframe(payload: &[u8]) -> Option<bool> {
    let aggregation = *payload.first()?;
    let continues = aggregation & 0x80 != 0;
    let new_sequence = aggregation & 0x08 != 0;
    if new_sequence && !continues {
        return Some(true);
    }
    let count = (aggregation >> 4) & 0x03;
    Some(has_sequence_header(&payload[1..], count, continues).unwrap_or(false))
}

/// Walks the OBU elements. `count` is W: with 0 every element has a length, else the last has none.
fn has_sequence_header(mut rest: &[u8], count: u8, continues: bool) -> Option<bool> {
    let mut index = 0;
    while !rest.is_empty() && (count == 0 || index < count) {
        let last = count != 0 && index + 1 == count;
        let len = if last { rest.len() } else { leb128(&mut rest)? };
        let element = rest.get(..len)?;
        let whole_start = index > 0 || !continues;
        if whole_start && element.first().is_some_and(|head| (head >> 3) & 0x0f == SEQUENCE_HEADER)
        {
            return Some(true);
        }
        rest = &rest[len..];
        // Only "not the first" matters beyond W, which is at most 3.
        index = index.saturating_add(1);
    }
    Some(false)
}

/// Takes a length of at most 32 bits off the front of `bytes`.
fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return usize::try_from(value).ok();
        }
    }
    None
}
