//! A media packet without what is particular to the leg it came from.

/// One packet of a publication, as forwarded and as kept in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Media<'a> {
    /// Extended sequence number within the publication.
    pub(super) index: u64,
    /// Timestamp of the publisher.
    pub(super) timestamp: u32,
    /// Payload type of the publisher; the media's, also if it came by RTX.
    pub(super) payload_type: u8,
    /// Marker bit.
    pub(super) marker: bool,
    /// Header extensions that are passed on.
    pub(super) elements: Elements<'a>,
    /// Payload without padding.
    pub(super) payload: &'a [u8],
}

/// Header extensions as a run of `(tag, length, value)`; a tag is an `Extension` as a number, so
/// that no id of either leg is in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

/// Appends one element to a run; a value over 255 bytes cannot come from a header extension.
pub(super) fn push_element(run: &mut Vec<u8>, tag: u8, value: &[u8]) {
    if let Ok(length) = u8::try_from(value.len()) {
        run.extend_from_slice(&[tag, length]);
        run.extend_from_slice(value);
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&tag, rest) = self.0.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let (value, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some((tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_come_out_as_they_went_in() {
        let mut run = Vec::new();
        push_element(&mut run, 3, b"one");
        push_element(&mut run, 7, b"");
        push_element(&mut run, 9, &[0; 300]);
        let found: Vec<_> = Elements(&run).collect();
        assert_eq!(found, [(3, &b"one"[..]), (7, &b""[..])]);
        assert_eq!(Elements(&run[..4]).next(), None);
    }
}
