//! What a description says, apart from how it is written.

use roomline_rtp::Extension;

/// A session description: an offer or an answer whose sections share one bundled transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `sess-id` of the `o=` line (RFC 8866 §5.2).
    pub session_id: u64,
    /// `sess-version` of the `o=` line: one more with every new description.
    pub session_version: u64,
    /// The side that wrote it sends no connectivity checks (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// One- and two-byte header extensions may be mixed (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// The mids of the BUNDLE group, the tagged section first; empty without a group (RFC 9143).
    pub bundle: Vec<String>,
    /// ICE credentials of the bundled transport.
    pub ice: IceCredentials,
    /// Certificate fingerprints of the bundled transport, strongest hash first; never empty.
    pub fingerprints: Vec<Fingerprint>,
    /// DTLS role of the bundled transport.
    pub setup: Setup,
    /// ICE candidates of the bundled transport, each as `candidate:…` (RFC 8839 §5.1). Reading an
    /// offer leaves them out: an ICE-lite server learns addresses from checks.
    pub candidates: Vec<String>,
    /// The media sections, in order.
    pub sections: Vec<OfferSection>,
}

/// A description in the part of the offer.
pub type Offer = Description;

/// One `m=` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferSection {
    /// `a=mid` (RFC 5888): 1 to 16 token characters, unique in the description. Empty only in a
    /// rejected section that carried none.
    pub mid: String,
    /// `proto` of the `m=` line; an answer repeats it.
    pub protocol: String,
    /// The first format of the `m=` line; a rejection repeats it.
    pub first_format: String,
    /// Port 0 without `a=bundle-only`: stopped by the offerer or rejected by the answerer.
    pub rejected: bool,
    /// What it carries.
    pub body: SectionBody,
}

impl OfferSection {
    /// The media type of the `m=` line: `audio`, `video`, `application`, …
    pub fn media_type(&self) -> &str {
        match &self.body {
            SectionBody::Media(media) => media.kind.as_str(),
            SectionBody::Data(_) => "application",
            SectionBody::Other(media) => media,
        }
    }
}

/// What a section carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionBody {
    /// RTP.
    Media(MediaParameters),
    /// Data channels over SCTP.
    Data(DataParameters),
    /// Something that is never accepted, with its media type (`text`, `image`, …).
    Other(String),
}

/// Parameters of an RTP section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaParameters {
    /// Audio or video.
    pub kind: Kind,
    /// As seen by the side that wrote the description.
    pub direction: Direction,
    /// In order of preference, RTX folded into the codec it repairs.
    pub codecs: Vec<Codec>,
    /// Header extensions with their ids; URIs we do not know are left out.
    pub extensions: Vec<(u8, Extension)>,
    /// What the writing side announces it will send; may be empty.
    pub ssrcs: Vec<RemoteSsrc>,
    /// CNAME of those SSRCs (RFC 5576 §6.1).
    pub cname: Option<String>,
    /// `a=msid` (RFC 8830): stream id, blank, track id.
    pub msid: Option<String>,
    /// RTCP shares the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Reduced-size RTCP may be sent (RFC 5506).
    pub rtcp_rsize: bool,
}

/// Parameters of a data channel section (RFC 8841).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataParameters {
    /// SCTP port of the side that wrote the description.
    pub sctp_port: u16,
    /// The largest message it takes, in bytes; 0 is no limit (RFC 8841 §6.1).
    pub max_message_size: u32,
}

/// Media type of an RTP section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
}

impl Kind {
    /// The word in the `m=` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Audio => "audio",
            Kind::Video => "video",
        }
    }
}

/// Direction attribute (RFC 8866 §6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// `sendrecv`, also when nothing is said.
    SendRecv,
    /// `sendonly`.
    SendOnly,
    /// `recvonly`.
    RecvOnly,
    /// `inactive`.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// True when the side that wrote it sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// True when the side that wrote it receives.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same seen from the other side.
    pub fn reversed(self) -> Direction {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            both_or_none => both_or_none,
        }
    }
}

/// DTLS role (RFC 8842 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Either; only in an offer.
    ActPass,
    /// DTLS client.
    Active,
    /// DTLS server.
    Passive,
}

impl Setup {
    /// The attribute's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Setup::ActPass => "actpass",
            Setup::Active => "active",
            Setup::Passive => "passive",
        }
    }
}

/// `a=ice-ufrag` and `a=ice-pwd` (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// 4 to 256 ice-chars.
    pub ufrag: String,
    /// 22 to 256 ice-chars.
    pub pwd: String,
}

impl std::fmt::Debug for IceCredentials {
    /// Leaves the password out, so that it does not end up in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// A certificate fingerprint (RFC 8122).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// How it was made.
    pub hash: FingerprintHash,
    /// The digest of the certificate in DER; as long as the hash makes it.
    pub digest: Vec<u8>,
}

/// Hash of a fingerprint. Weaker ones (MD5, SHA-1) are ignored when read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FingerprintHash {
    /// `sha-256`, what browsers use.
    Sha256,
    /// `sha-384`.
    Sha384,
    /// `sha-512`.
    Sha512,
}

impl FingerprintHash {
    /// The name in the attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            FingerprintHash::Sha256 => "sha-256",
            FingerprintHash::Sha384 => "sha-384",
            FingerprintHash::Sha512 => "sha-512",
        }
    }

    /// Length of the digest in bytes.
    pub fn digest_len(self) -> usize {
        match self {
            FingerprintHash::Sha256 => 32,
            FingerprintHash::Sha384 => 48,
            FingerprintHash::Sha512 => 64,
        }
    }
}

/// An SSRC announced in `a=ssrc` with its RTX companion (`a=ssrc-group:FID`, RFC 5576).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteSsrc {
    /// Of the media.
    pub ssrc: u32,
    /// Of its retransmissions (RFC 4588).
    pub rtx: Option<u32>,
}

/// A codec under one payload type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// 0 to 127.
    pub payload_type: u8,
    /// Encoding name as written: `opus`, `VP8`, …; compare it without regard to case.
    pub name: String,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Channels; 1 when nothing is said, and for video.
    pub channels: u8,
    /// Format parameters as written; empty without any.
    pub fmtp: String,
    /// `a=rtcp-fb … nack` (RFC 4585).
    pub nack: bool,
    /// `a=rtcp-fb … nack pli` (RFC 4585).
    pub nack_pli: bool,
    /// `a=rtcp-fb … ccm fir` (RFC 5104).
    pub ccm_fir: bool,
    /// `a=rtcp-fb … transport-cc`.
    pub transport_cc: bool,
    /// `a=rtcp-fb … goog-remb`.
    pub goog_remb: bool,
    /// Payload type of its retransmissions (RFC 4588).
    pub rtx: Option<u8>,
}

impl Codec {
    /// A format parameter's value: `codec.parameter("profile-id")`. Names are compared without
    /// regard to case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.fmtp.split(';').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// True when packets of the one can be sent under the payload type of the other: the same
    /// encoding, clock and channels, and the same profile where a codec has them (H.264 also the
    /// packetization mode, RFC 6184 §8.2.2). Levels and preferences are not compared.
    pub fn matches(&self, other: &Codec) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
            && self.same_profile(other)
    }

    fn same_profile(&self, other: &Codec) -> bool {
        let same = |name, default| {
            self.parameter(name).unwrap_or(default) == other.parameter(name).unwrap_or(default)
        };
        match self.name.to_ascii_uppercase().as_str() {
            "H264" => {
                same("packetization-mode", "0")
                    && H264Profile::of(self).is_some_and(|p| Some(p) == H264Profile::of(other))
            }
            "VP9" => same("profile-id", "0"),
            "AV1" => same("profile", "0"),
            _ => true,
        }
    }
}

/// H.264 profiles with their several spellings in `profile-level-id` (RFC 6184 §8.1, table 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum H264Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    Extended,
    ConstrainedHigh,
    High,
    /// One that has a single spelling: profile_idc and profile-iop as they are.
    Plain(u8, u8),
}

impl H264Profile {
    /// `None` if `profile-level-id` is not six hexadecimal digits.
    fn of(codec: &Codec) -> Option<H264Profile> {
        // RFC 6184 §8.1: without the parameter it is Baseline, level 1.
        let text = codec.parameter("profile-level-id").unwrap_or("42000A");
        if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let value = u32::from_str_radix(text, 16).ok()?;
        let [_, idc, iop, _level] = value.to_be_bytes();
        Some(match (idc, iop) {
            (0x42, iop) if iop & 0x4f == 0x40 => H264Profile::ConstrainedBaseline,
            (0x4d, iop) if iop & 0x8f == 0x80 => H264Profile::ConstrainedBaseline,
            (0x58, iop) if iop & 0xcf == 0xc0 => H264Profile::ConstrainedBaseline,
            (0x42, iop) if iop & 0x4f == 0x00 => H264Profile::Baseline,
            (0x58, iop) if iop & 0xcf == 0x80 => H264Profile::Baseline,
            (0x4d, iop) if iop & 0xaf == 0x00 => H264Profile::Main,
            (0x58, iop) if iop & 0xcf == 0x00 => H264Profile::Extended,
            (0x64, 0x00) => H264Profile::High,
            (0x64, 0x0c) => H264Profile::ConstrainedHigh,
            (idc, iop) => H264Profile::Plain(idc, iop),
        })
    }
}

#[cfg(test)]
mod tests;
