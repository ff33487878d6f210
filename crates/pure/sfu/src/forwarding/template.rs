//! The header of a slot's packets, whose shape is the same from packet to packet.

use roomline_rtp::{Extension, Fields, Form, HeaderWriter};

use super::subscription::Slot;

/// The longest header with a MID and both elements that change: 12 bytes fixed, 4 of the extension, and
/// 17, 3 and 4.
const ROOM: usize = 40;

/// What changes from packet to packet besides [`Fields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Varying {
    /// The transport-wide sequence number.
    pub(super) sequence: [u8; 2],
    /// The absolute send time.
    pub(super) time: [u8; 3],
}

/// A header with room for what changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    bytes: [u8; ROOM],
    /// 0 if the slot's headers do not fit: they need the two-byte form.
    length: u8,
    /// Where they go, if they are there.
    sequence: Option<u8>,
    time: Option<u8>,
    /// What it was made with.
    form: Form,
}

impl Template {
    /// The template of a slot whose leg takes this form.
    pub(super) fn new(slot: &Slot, form: Form) -> Self {
        let none = Self { bytes: [0; ROOM], length: 0, sequence: None, time: None, form };
        Self::fill(slot, form).unwrap_or(none)
    }

    fn fill(slot: &Slot, form: Form) -> Option<Self> {
        let fields = Fields {
            marker: false,
            payload_type: 0,
            sequence_number: 0,
            timestamp: 0,
            ssrc: slot.ssrc,
        };
        let mut header = Vec::with_capacity(ROOM);
        let mut writer = HeaderWriter::new(&mut header, &fields, form);
        let mut place = |extension, value: &[u8]| {
            let Some(id) = slot.id(extension) else { return Some(None) };
            let fits = id <= 14 && value.len() <= 16 && writer.extension(id, value);
            fits.then(|| u8::try_from(writer.length() - value.len()).ok())
        };
        place(Extension::Mid, slot.mid.as_bytes())?;
        let sequence = place(Extension::TransportSequence, &[0; 2])?;
        let time = place(Extension::AbsSendTime, &[0; 3])?;
        let length = writer.finish();
        let mut bytes = [0; ROOM];
        bytes.get_mut(..length)?.copy_from_slice(&header);
        Some(Self { bytes, length: length as u8, sequence, time, form })
    }

    /// Whether it was made with this form.
    pub(super) fn is_of(&self, form: Form) -> bool {
        self.form == form
    }

    /// Whether headers can be written with it.
    pub(super) fn fits(&self) -> bool {
        self.length > 0
    }

    /// Whether packets have a transport-wide sequence number.
    pub(super) fn is_numbered(&self) -> bool {
        self.sequence.is_some()
    }

    /// Appends a header.
    pub(super) fn write(&self, header: &mut Vec<u8>, fields: &Fields, varying: Varying) {
        let mut bytes = self.bytes;
        bytes[1] = u8::from(fields.marker) << 7 | fields.payload_type & 0x7f;
        bytes[2..4].copy_from_slice(&fields.sequence_number.to_be_bytes());
        bytes[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());
        if let Some(at) = self.sequence.map(usize::from) {
            bytes[at..at + 2].copy_from_slice(&varying.sequence);
        }
        if let Some(at) = self.time.map(usize::from) {
            bytes[at..at + 3].copy_from_slice(&varying.time);
        }
        header.extend_from_slice(&bytes[..usize::from(self.length)]);
    }
}

#[cfg(test)]
mod tests {
    use roomline_sdp::{Kind, LocalStream, MediaSection};

    use super::*;

    fn slot(mid: &str, extensions: &[(u8, Extension)]) -> Slot {
        let local = LocalStream {
            ssrc: 0x1234_5678,
            rtx_ssrc: None,
            cname: String::new(),
            msid: String::new(),
        };
        let section = MediaSection {
            mid: mid.into(),
            kind: Kind::Video,
            sends: false,
            receives: true,
            codecs: Vec::new(),
            extensions: extensions.to_vec(),
            remote_ssrcs: Vec::new(),
            remote_cname: None,
            local: None,
        };
        Slot::new(0, &section, &local, std::sync::Arc::default())
    }

    fn fields() -> Fields {
        Fields {
            marker: true,
            payload_type: 96,
            sequence_number: 0x1122,
            timestamp: 0x3344_5566,
            ssrc: 0x1234_5678,
        }
    }

    #[test]
    fn writes_what_the_writer_writes() {
        use Extension::{AbsSendTime, Mid, TransportSequence};
        let varying = Varying { sequence: [7, 8], time: [1, 2, 3] };
        let all = [(14, Mid), (1, TransportSequence), (2, AbsSendTime)];
        for (mid, extensions) in [
            ("0", &all[..]),
            ("sixteen letters.", &all),
            ("0", &all[..2]),
            ("0", &all[2..]),
            ("0", &[]),
        ] {
            let slot = slot(mid, extensions);
            let mut expected = Vec::new();
            let mut writer = HeaderWriter::new(&mut expected, &fields(), Form::OneByte);
            let values: [(_, &[u8]); 3] = [
                (Mid, mid.as_bytes()),
                (TransportSequence, &varying.sequence),
                (AbsSendTime, &varying.time),
            ];
            for (extension, value) in values {
                slot.id(extension).into_iter().for_each(|id| assert!(writer.extension(id, value)));
            }
            writer.finish();
            let template = Template::new(&slot, Form::OneByte);
            assert!(template.fits() && template.is_of(Form::OneByte));
            let mut header = b"before".to_vec();
            template.write(&mut header, &fields(), varying);
            assert_eq!(header, [&b"before"[..], &expected].concat());
        }
    }

    #[test]
    fn what_needs_the_two_byte_form_has_no_template() {
        for extensions in [[(15, Extension::Mid)], [(200, Extension::AbsSendTime)]] {
            assert!(!Template::new(&slot("0", &extensions), Form::Mixed).fits());
        }
        let long = slot("more than sixteen", &[(1, Extension::Mid)]);
        assert!(!Template::new(&long, Form::Mixed).fits());
    }
}
