//! `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` of one section.

use crate::error::SdpError;
use crate::lines::{Attribute, RawSection, is_token, syntax};
use crate::model::{Codec, Kind};

/// Longest format parameters that are read, in bytes; the answer repeats them.
const MAX_FMTP: usize = 1024;

/// The codecs of a section in the order of its `m=` line, RTX folded into what it repairs. A
/// payload type without `a=rtpmap` (a static one, RFC 3551) is left out.
pub(super) fn read(kind: Kind, raw: &RawSection<'_>) -> Result<Vec<Codec>, SdpError> {
    if !raw.protocol.contains("RTP/") {
        return Ok(Vec::new());
    }
    let mut table = Table::new(raw)?;
    for attribute in raw.attributes.all("rtpmap") {
        table.rtpmap(kind, &attribute)?;
    }
    for attribute in raw.attributes.all("fmtp") {
        table.fmtp(&attribute)?;
    }
    for attribute in raw.attributes.all("rtcp-fb") {
        table.feedback(&attribute)?;
    }
    Ok(table.into_codecs())
}

/// One place per payload type, so that every attribute finds its codec at once.
struct Table {
    /// Payload types in the order of the `m=` line.
    order: Vec<u8>,
    codecs: Vec<Option<Codec>>,
}

impl Table {
    fn new(raw: &RawSection<'_>) -> Result<Table, SdpError> {
        let mut order = Vec::new();
        let mut seen = [false; 128];
        for word in raw.formats.split_ascii_whitespace() {
            let payload_type = payload_type(word)
                .ok_or(syntax(raw.line, "the formats of m= must be payload types, 0 to 127"))?;
            if !std::mem::replace(&mut seen[usize::from(payload_type)], true) {
                order.push(payload_type);
            }
        }
        Ok(Table { order, codecs: vec![None; 128] })
    }

    fn rtpmap(&mut self, kind: Kind, attribute: &Attribute<'_>) -> Result<(), SdpError> {
        let error = || attribute.error("a=rtpmap needs a payload type and NAME/CLOCK[/CHANNELS]");
        let (payload_type, encoding) = split(attribute).ok_or_else(error)?;
        let mut parts = encoding.split('/');
        let name = parts.next().filter(|name| is_token(name)).ok_or_else(error)?;
        let clock_rate = parts.next().and_then(|rate| rate.parse().ok()).ok_or_else(error)?;
        let channels = match (kind, parts.next()) {
            (Kind::Audio, Some(channels)) => channels.parse().map_err(|_| error())?,
            _ => 1,
        };
        let codec = Codec {
            payload_type,
            name: name.to_owned(),
            clock_rate,
            channels,
            fmtp: String::new(),
            nack: false,
            nack_pli: false,
            ccm_fir: false,
            transport_cc: false,
            goog_remb: false,
            rtx: None,
        };
        self.codecs[usize::from(payload_type)] = Some(codec);
        Ok(())
    }

    fn fmtp(&mut self, attribute: &Attribute<'_>) -> Result<(), SdpError> {
        let (payload_type, parameters) = split(attribute)
            .ok_or(attribute.error("a=fmtp needs a payload type and parameters"))?;
        if parameters.len() > MAX_FMTP {
            return Err(attribute.error("a=fmtp has more than 1024 bytes of parameters"));
        }
        if let Some(codec) = &mut self.codecs[usize::from(payload_type)] {
            codec.fmtp = parameters.to_owned();
        }
        Ok(())
    }

    fn feedback(&mut self, attribute: &Attribute<'_>) -> Result<(), SdpError> {
        if let Some(kind) = attribute.value.strip_prefix("* ") {
            self.codecs.iter_mut().flatten().for_each(|codec| set_feedback(codec, kind));
            return Ok(());
        }
        let (payload_type, kind) =
            split(attribute).ok_or(attribute.error("a=rtcp-fb needs a payload type and a kind"))?;
        if let Some(codec) = &mut self.codecs[usize::from(payload_type)] {
            set_feedback(codec, kind);
        }
        Ok(())
    }

    fn into_codecs(mut self) -> Vec<Codec> {
        for repair in self.order.clone() {
            if let Some((primary, clock_rate)) = self.repaired_by(repair)
                && let Some(codec) = &mut self.codecs[usize::from(primary)]
                && codec.clock_rate == clock_rate
            {
                codec.rtx.get_or_insert(repair);
            }
        }
        let codecs = &mut self.codecs;
        self.order.iter().filter_map(|pt| codecs[usize::from(*pt)].take()).filter(not_rtx).collect()
    }

    /// What an RTX payload type repairs (RFC 4588 §8.6), with its clock rate.
    fn repaired_by(&self, repair: u8) -> Option<(u8, u32)> {
        let rtx = self.codecs[usize::from(repair)].as_ref().filter(|codec| !not_rtx(codec))?;
        let primary = payload_type(rtx.parameter("apt")?)?;
        let codec = self.codecs[usize::from(primary)].as_ref()?;
        (not_rtx(codec) && self.order.contains(&primary)).then_some((primary, rtx.clock_rate))
    }
}

fn not_rtx(codec: &Codec) -> bool {
    !codec.name.eq_ignore_ascii_case("rtx")
}

fn set_feedback(codec: &mut Codec, kind: &str) {
    match kind.trim_end() {
        "nack" => codec.nack = true,
        "nack pli" => codec.nack_pli = true,
        "ccm fir" => codec.ccm_fir = true,
        "transport-cc" => codec.transport_cc = true,
        "goog-remb" => codec.goog_remb = true,
        _ => {}
    }
}

/// A payload type and the rest of the value.
fn split<'a>(attribute: &Attribute<'a>) -> Option<(u8, &'a str)> {
    let (number, rest) = attribute.value.split_once(' ')?;
    Some((payload_type(number)?, rest.trim()))
}

fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number| *number < 128)
}
