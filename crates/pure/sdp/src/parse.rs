//! From text to a [`Description`].

mod codecs;

use roomline_rtp::Extension;

use crate::error::SdpError;
use crate::lines::{Attribute, Attributes, RawDescription, RawSection, is_token, syntax};
use crate::model::{
    DataParameters, Description, Direction, Fingerprint, FingerprintHash, IceCredentials, Kind,
    MediaParameters, OfferSection, RemoteSsrc, SectionBody, Setup,
};

/// The longest SDP that is read, in bytes.
pub const MAX_LENGTH: usize = 256 * 1024;

/// The most media sections that are read.
pub const MAX_SECTIONS: usize = 200;

/// A mid must fit a one-byte header extension element (RFC 8285 §4.2).
const MAX_MID: usize = 16;

/// SSRCs, fingerprints and header extensions beyond this are ignored, each per section.
const MAX_LIST: usize = 64;

impl Description {
    /// Read a description. Bounded by [`MAX_LENGTH`] and [`MAX_SECTIONS`]; attributes we do not
    /// know are skipped (RFC 8866 §5.13).
    pub fn parse(text: &str) -> Result<Description, SdpError> {
        let raw = RawDescription::parse(text)?;
        if raw.sections.is_empty() {
            return Err(SdpError::NoSections);
        }
        let mut sections = Vec::with_capacity(raw.sections.len());
        for (index, section) in raw.sections.iter().enumerate() {
            sections.push(read_section(index, section, &raw.attributes)?);
        }
        let bundle = bundle_group(&raw.attributes);
        let tagged = tagged_section(&raw, &sections, &bundle);
        let transport = Transport { section: tagged, session: &raw.attributes };
        Ok(Description {
            session_id: raw.session_id,
            session_version: raw.session_version,
            ice_lite: raw.attributes.has("ice-lite"),
            extmap_allow_mixed: transport.first("extmap-allow-mixed").is_some(),
            bundle,
            ice: transport.ice()?,
            fingerprints: transport.fingerprints()?,
            setup: transport.setup()?,
            candidates: Vec::new(),
            sections,
        })
    }
}

/// The mids of the first BUNDLE group (RFC 9143 §7.1).
fn bundle_group(session: &Attributes<'_>) -> Vec<String> {
    session
        .all("group")
        .find_map(|group| group.value.strip_prefix("BUNDLE"))
        .map(|mids| mids.split_ascii_whitespace().take(MAX_SECTIONS).map(str::to_owned).collect())
        .unwrap_or_default()
}

/// The section whose transport attributes hold for the whole bundle (RFC 9143 §7.1.2); without a
/// group, the first that is not stopped.
fn tagged_section<'r, 't>(
    raw: &'r RawDescription<'t>,
    sections: &[OfferSection],
    bundle: &[String],
) -> Option<&'r Attributes<'t>> {
    let live = |s: &&OfferSection| !s.rejected;
    let tagged = bundle
        .iter()
        .find_map(|mid| sections.iter().filter(live).position(|s| s.mid == *mid).map(|_| mid))
        .and_then(|mid| sections.iter().position(|s| s.mid == *mid))
        .or_else(|| sections.iter().position(|s| !s.rejected))?;
    raw.sections.get(tagged).map(|s| &s.attributes)
}

/// Attributes of the bundled transport: those of the tagged section, or else the session's.
struct Transport<'r, 't> {
    section: Option<&'r Attributes<'t>>,
    session: &'r Attributes<'t>,
}

impl<'t> Transport<'_, 't> {
    fn first(&self, name: &str) -> Option<Attribute<'t>> {
        self.section.and_then(|s| s.first(name)).or_else(|| self.session.first(name))
    }

    fn ice(&self) -> Result<IceCredentials, SdpError> {
        let (Some(ufrag), Some(pwd)) = (self.first("ice-ufrag"), self.first("ice-pwd")) else {
            return Err(SdpError::NoIceCredentials);
        };
        let valid = (4..=256).contains(&ufrag.value.len())
            && (22..=256).contains(&pwd.value.len())
            && ufrag.value.bytes().chain(pwd.value.bytes()).all(is_ice_char);
        if !valid {
            return Err(SdpError::NoIceCredentials);
        }
        Ok(IceCredentials { ufrag: ufrag.value.to_owned(), pwd: pwd.value.to_owned() })
    }

    fn fingerprints(&self) -> Result<Vec<Fingerprint>, SdpError> {
        let source = match self.section {
            Some(section) if section.has("fingerprint") => section,
            _ => self.session,
        };
        let mut found = Vec::new();
        for attribute in source.all("fingerprint").take(MAX_LIST) {
            found.extend(fingerprint(&attribute)?);
        }
        found.sort_by_key(|f| std::cmp::Reverse(f.hash.digest_len()));
        if found.is_empty() { Err(SdpError::NoFingerprint) } else { Ok(found) }
    }

    fn setup(&self) -> Result<Setup, SdpError> {
        let Some(attribute) = self.first("setup") else {
            // RFC 4145 §4.1: an offer that says nothing is active.
            return Ok(Setup::Active);
        };
        match attribute.value {
            "actpass" => Ok(Setup::ActPass),
            "active" => Ok(Setup::Active),
            "passive" => Ok(Setup::Passive),
            _ => Err(attribute.error("a=setup must be actpass, active or passive")),
        }
    }
}

/// `None` for a hash too weak to rely on or one we do not know.
fn fingerprint(attribute: &Attribute<'_>) -> Result<Option<Fingerprint>, SdpError> {
    let error = || attribute.error("a=fingerprint needs a hash name and a digest in hexadecimal");
    let (name, hex) = attribute.value.split_once(' ').ok_or_else(error)?;
    let hash = match name.to_ascii_lowercase().as_str() {
        "sha-256" => FingerprintHash::Sha256,
        "sha-384" => FingerprintHash::Sha384,
        "sha-512" => FingerprintHash::Sha512,
        _ => return Ok(None),
    };
    let byte = |pair: &str| match pair.len() {
        2 => u8::from_str_radix(pair, 16).ok(),
        _ => None,
    };
    let digest: Option<Vec<u8>> = hex.trim().split(':').map(byte).collect();
    match digest {
        Some(digest) if digest.len() == hash.digest_len() => Ok(Some(Fingerprint { hash, digest })),
        _ => Err(error()),
    }
}

fn read_section(
    index: usize,
    raw: &RawSection<'_>,
    session: &Attributes<'_>,
) -> Result<OfferSection, SdpError> {
    let rejected = raw.port == 0 && !raw.attributes.has("bundle-only");
    let mid = match raw.attributes.first("mid") {
        Some(mid) if is_token(mid.value) && mid.value.len() <= MAX_MID => mid.value.to_owned(),
        Some(mid) => return Err(mid.error("a=mid must be 1 to 16 token characters")),
        None if rejected => String::new(),
        None => return Err(SdpError::MissingMid { index }),
    };
    let first_format = raw.formats.split(' ').next().filter(|format| is_token(format));
    let first_format =
        first_format.ok_or(syntax(raw.line, "the formats of m= must be token characters"))?;
    let body = match raw.media {
        "audio" => SectionBody::Media(media_parameters(Kind::Audio, raw, session)?),
        "video" => SectionBody::Media(media_parameters(Kind::Video, raw, session)?),
        "application" if raw.protocol.ends_with("DTLS/SCTP") => {
            SectionBody::Data(data_parameters(&raw.attributes)?)
        }
        other => SectionBody::Other(other.to_owned()),
    };
    Ok(OfferSection {
        mid,
        protocol: raw.protocol.to_owned(),
        first_format: first_format.to_owned(),
        rejected,
        body,
    })
}

fn data_parameters(attributes: &Attributes<'_>) -> Result<DataParameters, SdpError> {
    let sctp_port = match attributes.first("sctp-port") {
        Some(port) => port.value.parse().map_err(|_| port.error("a=sctp-port is 0 to 65535"))?,
        None => 5000,
    };
    let max_message_size = match attributes.first("max-message-size") {
        // Firefox offers more than fits 31 bits in some versions; what we cannot hold is no limit
        // to us.
        Some(size) if !size.value.is_empty() && size.value.bytes().all(|b| b.is_ascii_digit()) => {
            size.value.parse().unwrap_or(u32::MAX)
        }
        Some(size) => return Err(size.error("a=max-message-size is a number of bytes")),
        // RFC 8841 §6.1.
        None => 65_536,
    };
    Ok(DataParameters { sctp_port, max_message_size })
}

fn media_parameters(
    kind: Kind,
    raw: &RawSection<'_>,
    session: &Attributes<'_>,
) -> Result<MediaParameters, SdpError> {
    let attributes = &raw.attributes;
    Ok(MediaParameters {
        kind,
        direction: direction(attributes).or(direction(session)).unwrap_or(Direction::SendRecv),
        codecs: codecs::read(kind, raw)?,
        extensions: extensions(attributes)?,
        ssrcs: ssrcs(attributes)?,
        cname: cname(attributes),
        msid: attributes.first("msid").map(|msid| msid.value.to_owned()),
        rtcp_mux: attributes.has("rtcp-mux"),
        rtcp_rsize: attributes.has("rtcp-rsize"),
    })
}

fn direction(attributes: &Attributes<'_>) -> Option<Direction> {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    [SendRecv, SendOnly, RecvOnly, Inactive].into_iter().find(|d| attributes.has(d.as_str()))
}

/// `a=extmap` (RFC 8285 §8). One that is limited to a direction is left out: the MID and the
/// like are needed both ways, and browsers limit only what we would refuse anyway.
fn extensions(attributes: &Attributes<'_>) -> Result<Vec<(u8, Extension)>, SdpError> {
    let mut found: Vec<(u8, Extension)> = Vec::new();
    for attribute in attributes.all("extmap").take(MAX_LIST) {
        let error = || attribute.error("a=extmap needs an id from 1 to 255 and a URI");
        let (id, uri) = attribute.value.split_once(' ').ok_or_else(error)?;
        if id.contains('/') {
            continue;
        }
        let id: u8 = id.parse().map_err(|_| error())?;
        if id == 0 {
            return Err(error());
        }
        let uri = uri.split(' ').next().unwrap_or_default();
        let Some(extension) = Extension::from_uri(uri) else { continue };
        if found.iter().any(|(other, _)| *other == id) {
            return Err(attribute.error("a=extmap gives an id a second meaning"));
        }
        if found.iter().all(|(_, known)| *known != extension) {
            found.push((id, extension));
        }
    }
    Ok(found)
}

/// The media SSRCs of `a=ssrc`, in order, without those that only repair others.
fn ssrcs(attributes: &Attributes<'_>) -> Result<Vec<RemoteSsrc>, SdpError> {
    let mut found: Vec<RemoteSsrc> = Vec::new();
    for attribute in attributes.all("ssrc") {
        let id = attribute.value.split(' ').next().unwrap_or_default();
        let ssrc = id.parse().map_err(|_| attribute.error("a=ssrc needs a 32-bit number"))?;
        if found.len() < MAX_LIST && !found.iter().any(|s| s.ssrc == ssrc) {
            found.push(RemoteSsrc { ssrc, rtx: None });
        }
    }
    for attribute in attributes.all("ssrc-group").take(MAX_LIST) {
        let mut words = attribute.value.split_ascii_whitespace();
        let semantics = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
        let (Some(primary), Some(repair)) = (number(), number()) else {
            return Err(attribute.error("a=ssrc-group needs a semantics and SSRCs"));
        };
        if !semantics.starts_with("FID") && !semantics.starts_with("FEC") || primary == repair {
            continue;
        }
        found.retain(|s| s.ssrc != repair);
        if semantics == "FID" {
            found.iter_mut().filter(|s| s.ssrc == primary).for_each(|s| s.rtx = Some(repair));
        }
    }
    Ok(found)
}

/// Longer ones would not fit an SDES item (RFC 3550 §6.5).
fn cname(attributes: &Attributes<'_>) -> Option<String> {
    attributes.all("ssrc").find_map(|attribute| {
        let (_, rest) = attribute.value.split_once(' ')?;
        let name = rest.strip_prefix("cname:")?;
        (1..=255).contains(&name.len()).then(|| name.to_owned())
    })
}

fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}
