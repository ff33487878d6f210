//! The outer grammar (RFC 8866 §5): lines, grouped by section, borrowed from the text.

use crate::error::SdpError;
use crate::parse::{MAX_LENGTH, MAX_SECTIONS};

/// An attribute with the number of its line, for error messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) line: usize,
    pub(crate) name: &'a str,
    /// Empty for an attribute without a value.
    pub(crate) value: &'a str,
}

impl Attribute<'_> {
    pub(crate) fn error(&self, problem: &'static str) -> SdpError {
        SdpError::Syntax { line: self.line, problem }
    }
}

/// The attributes of the session level or of one section.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<Attribute<'a>>);

impl<'a> Attributes<'a> {
    /// The first attribute with that name.
    pub(crate) fn first(&self, name: &str) -> Option<Attribute<'a>> {
        self.0.iter().find(|a| a.name == name).copied()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// All attributes with that name, in order.
    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = Attribute<'a>> + '_ {
        self.0.iter().filter(move |a| a.name == name).copied()
    }
}

/// One `m=` line with its attributes.
#[derive(Clone, Debug)]
pub(crate) struct RawSection<'a> {
    pub(crate) line: usize,
    pub(crate) media: &'a str,
    pub(crate) port: u16,
    pub(crate) protocol: &'a str,
    pub(crate) formats: &'a str,
    pub(crate) attributes: Attributes<'a>,
}

/// A description cut into lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawDescription<'a> {
    pub(crate) session_id: u64,
    pub(crate) session_version: u64,
    pub(crate) attributes: Attributes<'a>,
    pub(crate) sections: Vec<RawSection<'a>>,
}

impl<'a> RawDescription<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<RawDescription<'a>, SdpError> {
        if text.len() > MAX_LENGTH {
            return Err(SdpError::TooLong(text.len()));
        }
        let mut raw = RawDescription::default();
        let mut started = false;
        for (index, line) in text.split('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let number = index + 1;
            // The answer repeats parts of the offer, and some readers end lines at a lone CR.
            if line.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
                return Err(syntax(number, "control characters have no place in an SDP"));
            }
            if !started && line != "v=0" {
                return Err(syntax(number, "an SDP begins with v=0"));
            }
            started = true;
            raw.read_line(number, line)?;
        }
        if !started {
            return Err(syntax(1, "an SDP begins with v=0"));
        }
        Ok(raw)
    }

    fn read_line(&mut self, number: usize, line: &'a str) -> Result<(), SdpError> {
        match line.split_once('=') {
            Some(("a", value)) => {
                let (name, value) = value.split_once(':').unwrap_or((value, ""));
                let attributes = match self.sections.last_mut() {
                    Some(section) => &mut section.attributes,
                    None => &mut self.attributes,
                };
                attributes.0.push(Attribute { line: number, name, value });
            }
            Some(("m", value)) => {
                if self.sections.len() == MAX_SECTIONS {
                    return Err(SdpError::TooManySections);
                }
                self.sections.push(media_line(number, value)?);
            }
            Some(("o", value)) => {
                (self.session_id, self.session_version) = origin(value)
                    .ok_or(syntax(number, "o= needs a numeric session id and version"))?;
            }
            // Bandwidth, timing, connection data and the like say nothing about a bundled
            // transport with ICE.
            Some((kind, _)) if kind.len() == 1 => {}
            _ => return Err(syntax(number, "a line is one letter, =, and a value")),
        }
        Ok(())
    }
}

fn media_line(line: usize, value: &str) -> Result<RawSection<'_>, SdpError> {
    let error = || syntax(line, "m= needs a media type, a port, a protocol and a format");
    let mut rest = value.splitn(4, ' ');
    let mut next = || rest.next().filter(|word| !word.is_empty()).ok_or_else(error);
    let (media, port, protocol, formats) = (next()?, next()?, next()?, next()?);
    // The answer repeats these words.
    if !is_token(media) || !protocol.split('/').all(is_token) {
        return Err(error());
    }
    let port = port.parse().map_err(|_| syntax(line, "the port of m= is 0 to 65535"))?;
    let attributes = Attributes::default();
    Ok(RawSection { line, media, port, protocol, formats, attributes })
}

fn origin(value: &str) -> Option<(u64, u64)> {
    let mut words = value.split(' ').skip(1);
    let id = words.next()?.parse().ok()?;
    let version = words.next()?.parse().ok()?;
    Some((id, version))
}

/// `token` of RFC 8866 §9, at most 32 characters.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && !br#""(),/:;<=>?@[\]"#.contains(&b))
}

pub(crate) fn syntax(line: usize, problem: &'static str) -> SdpError {
    SdpError::Syntax { line, problem }
}
