//! Reading a description, line by line. Lines that say nothing to us are skipped, whatever their
//! form: every SFU writes its own dialect.

use roomline_ice::{Candidate, Credentials};
use roomline_rtp::Extension;

use super::{Direction, Kind};

/// A description that no session can be made from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SdpError {
    #[error("the description has no a=ice-ufrag and a=ice-pwd")]
    NoCredentials,
    #[error("the description has no a=fingerprint that we know")]
    NoFingerprint,
    #[error("the answer has {found} sections, the offer {wanted}")]
    Sections { found: usize, wanted: usize },
}

/// DTLS role of the side that wrote it (RFC 8842 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    ActPass,
    Active,
    Passive,
}

/// The digest of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) hash: &'static aws_lc_rs::digest::Algorithm,
    pub(crate) digest: Vec<u8>,
}

impl Fingerprint {
    fn parse(value: &str) -> Option<Fingerprint> {
        use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
        let (name, digits) = value.split_once(' ')?;
        let hash = match name.to_ascii_lowercase().as_str() {
            "sha-1" => &SHA1_FOR_LEGACY_USE_ONLY,
            "sha-256" => &SHA256,
            "sha-384" => &SHA384,
            "sha-512" => &SHA512,
            _ => return None,
        };
        let byte = |pair: &str| u8::from_str_radix(pair, 16).ok();
        let digest = digits.trim().split(':').map(byte).collect::<Option<Vec<u8>>>()?;
        Some(Fingerprint { hash, digest })
    }

    pub(crate) fn matches(&self, certificate: &[u8]) -> bool {
        aws_lc_rs::digest::digest(self.hash, certificate).as_ref() == self.digest
    }
}

/// A payload type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Codec {
    pub(crate) payload_type: u8,
    pub(crate) name: String,
    pub(crate) clock_rate: u32,
    /// `apt` of a retransmission format (RFC 4588 §8.1).
    pub(crate) repairs: Option<u8>,
    /// The rest of `a=fmtp`, as written.
    pub(crate) parameters: String,
    /// `a=rtcp-fb` without the payload type: `nack pli`, …
    pub(crate) feedback: Vec<String>,
}

/// An `m=` section of the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteSection {
    /// None for a media type that we don't speak.
    pub(crate) kind: Option<Kind>,
    /// Media type, protocol and formats, which an answer repeats.
    pub(crate) media: String,
    pub(crate) protocol: String,
    pub(crate) formats: String,
    pub(crate) rejected: bool,
    pub(crate) mid: String,
    pub(crate) direction: Direction,
    pub(crate) codecs: Vec<Codec>,
    pub(crate) extensions: Vec<(u8, Extension)>,
    /// Media and retransmission sources: `a=ssrc-group:FID`.
    pub(crate) pairs: Vec<(u32, u32)>,
    /// Every `a=ssrc`, in order, once each.
    pub(crate) sources: Vec<u32>,
    /// The value of `a=simulcast`, with what it offers or accepts.
    pub(crate) simulcast: Option<String>,
}

impl RemoteSection {
    /// The first codec with that name.
    pub(crate) fn codec(&self, name: &str) -> Option<&Codec> {
        self.codecs.iter().find(|codec| codec.name.eq_ignore_ascii_case(name))
    }

    /// The payload type of retransmissions of `payload_type`.
    pub(crate) fn rtx_of(&self, payload_type: u8) -> Option<u8> {
        let mut codecs = self.codecs.iter();
        codecs.find(|codec| codec.repairs == Some(payload_type)).map(|codec| codec.payload_type)
    }
}

/// What the other side says.
#[derive(Clone, Debug)]
pub(crate) struct RemoteDescription {
    pub(crate) credentials: Credentials,
    pub(crate) ice_lite: bool,
    pub(crate) setup: Setup,
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// Those for UDP with an address; names and TCP are left out.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) sections: Vec<RemoteSection>,
}

#[derive(Default)]
struct Reader {
    ufrag: Option<String>,
    password: Option<String>,
    ice_lite: bool,
    setup: Option<Setup>,
    fingerprints: Vec<Fingerprint>,
    candidates: Vec<Candidate>,
    sections: Vec<RemoteSection>,
    session_direction: Option<Direction>,
}

impl RemoteDescription {
    pub(crate) fn parse(text: &str) -> Result<RemoteDescription, SdpError> {
        let mut reader = Reader::default();
        for line in text.lines().map(str::trim_end) {
            if let Some(media) = line.strip_prefix("m=") {
                reader.section(media);
            } else if let Some(attribute) = line.strip_prefix("a=") {
                let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
                if !reader.transport_attribute(name, value.trim()) {
                    reader.section_attribute(name, value.trim());
                }
            }
        }
        let (Some(ufrag), Some(pwd)) = (reader.ufrag, reader.password) else {
            return Err(SdpError::NoCredentials);
        };
        if reader.fingerprints.is_empty() {
            return Err(SdpError::NoFingerprint);
        }
        Ok(RemoteDescription {
            credentials: Credentials { ufrag, pwd },
            ice_lite: reader.ice_lite,
            setup: reader.setup.unwrap_or(Setup::ActPass),
            fingerprints: reader.fingerprints,
            candidates: reader.candidates,
            sections: reader.sections,
        })
    }
}

impl Reader {
    fn section(&mut self, media: &str) {
        let mut words = media.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let (media, port, protocol, formats) = (word(), word(), word(), word());
        let kind = match media.as_str() {
            "audio" => Some(Kind::Audio),
            "video" => Some(Kind::Video),
            "application" => Some(Kind::Application),
            _ => None,
        };
        self.sections.push(RemoteSection {
            kind,
            media,
            protocol,
            rejected: port == "0",
            mid: self.sections.len().to_string(),
            direction: self.session_direction.unwrap_or(Direction::SendRecv),
            codecs: formats
                .split(' ')
                .filter_map(|word| word.parse().ok())
                .map(|payload_type| Codec { payload_type, ..Codec::default() })
                .collect(),
            formats,
            extensions: Vec::new(),
            pairs: Vec::new(),
            sources: Vec::new(),
            simulcast: None,
        });
    }

    /// Attributes of the bundled transport. They stand in the session or in any section; the first
    /// value counts, which is that of the tagged section (RFC 9143 §7.1.2).
    fn transport_attribute(&mut self, name: &str, value: &str) -> bool {
        match name {
            "ice-ufrag" => drop(self.ufrag.get_or_insert_with(|| value.to_owned())),
            "ice-pwd" => drop(self.password.get_or_insert_with(|| value.to_owned())),
            "ice-lite" => self.ice_lite = true,
            "setup" => {
                let setup = match value {
                    "active" => Setup::Active,
                    "passive" => Setup::Passive,
                    _ => Setup::ActPass,
                };
                self.setup.get_or_insert(setup);
            }
            "fingerprint" => {
                let found = Fingerprint::parse(value);
                self.fingerprints.extend(found.filter(|one| !self.fingerprints.contains(one)));
            }
            "candidate" => {
                let found = candidate(&format!("candidate:{value}"));
                self.candidates.extend(found.filter(|one| !self.candidates.contains(one)));
            }
            _ => return false,
        }
        true
    }

    fn section_attribute(&mut self, name: &str, value: &str) {
        let direction = match name {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        };
        let Some(section) = self.sections.last_mut() else {
            self.session_direction = direction.or(self.session_direction);
            return;
        };
        if let Some(direction) = direction {
            section.direction = direction;
            return;
        }
        match name {
            "mid" => value.clone_into(&mut section.mid),
            "bundle-only" => section.rejected = false,
            "simulcast" => section.simulcast = Some(value.to_owned()),
            "rtpmap" | "fmtp" | "rtcp-fb" => section.format_attribute(name, value),
            "extmap" => section.extensions.extend(extension(value)),
            "ssrc" => {
                let ssrc = value.split(' ').next().and_then(|word| word.parse().ok());
                section.sources.extend(ssrc.filter(|one| !section.sources.contains(one)));
            }
            "ssrc-group" => section.pairs.extend(pair(value)),
            _ => {}
        }
    }
}

impl RemoteSection {
    /// `a=rtpmap`, `a=fmtp` and `a=rtcp-fb`: a payload type, or `*` for all, and a value.
    fn format_attribute(&mut self, name: &str, value: &str) {
        let Some((format, value)) = value.split_once(' ') else { return };
        let payload_type = format.parse::<u8>().ok();
        let concerned = |codec: &&mut Codec| {
            format == "*" || payload_type.is_some_and(|number| codec.payload_type == number)
        };
        for codec in self.codecs.iter_mut().filter(concerned) {
            match name {
                "rtpmap" => {
                    let mut parts = value.split('/');
                    codec.name = parts.next().unwrap_or_default().to_owned();
                    codec.clock_rate = parts.next().and_then(|p| p.parse().ok()).unwrap_or(0);
                }
                "fmtp" => {
                    codec.repairs = value
                        .split(';')
                        .find_map(|part| part.trim().strip_prefix("apt="))
                        .and_then(|number| number.parse().ok());
                    value.clone_into(&mut codec.parameters);
                }
                _ => codec.feedback.push(value.to_owned()),
            }
        }
    }
}

fn extension(value: &str) -> Option<(u8, Extension)> {
    let mut words = value.split(' ');
    let id = words.next()?.split('/').next()?.parse().ok()?;
    Some((id, Extension::from_uri(words.next()?)?))
}

fn pair(value: &str) -> Option<(u32, u32)> {
    let mut words = value.strip_prefix("FID ")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// A candidate that we can use: UDP, with an address, for RTP.
pub(crate) fn candidate(text: &str) -> Option<Candidate> {
    let candidate: Candidate = text.trim().parse().ok()?;
    let usable = candidate.transport == roomline_ice::Transport::Udp && candidate.component == 1;
    usable.then_some(candidate)
}
