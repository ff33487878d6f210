//! Taking an input apart.

/// Cuts an input into steps: one byte that says what to do, two with a length, and so many bytes.
/// A step that is cut short is used as far as it goes.
pub(crate) struct Steps<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Steps<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[control, high, low], rest) = self.0.split_first_chunk::<3>()?;
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (step, rest) = rest.split_at(length);
        self.0 = rest;
        Some((control, step))
    }
}

/// Attributes of a STUN message as type, length and value, without padding.
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[kind_high, kind_low, length], rest) = self.0.split_first_chunk::<3>()?;
        let (value, rest) = rest.split_at(usize::from(length).min(rest.len()));
        self.0 = rest;
        Some((u16::from_be_bytes([kind_high, kind_low]), value))
    }
}
