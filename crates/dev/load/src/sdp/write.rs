//! Writing offers and answers like Chromium's, without what we don't speak.

use std::fmt::Write as _;

use roomline_ice::Credentials;
use roomline_rtp::{Extension, ExtensionMap};

use super::read::{RemoteSection, Setup};
use super::{Direction, Kind};

/// Payload types of our offers.
pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const RTX: u8 = 97;

/// One encoding that a section sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    pub(crate) rtx: Option<u32>,
    /// The encoding's name under simulcast.
    pub(crate) rid: Option<String>,
}

/// A section as we have it: offered by us, or our part of what was offered.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// None: of the other side's making, and refused.
    pub(crate) kind: Option<Kind>,
    pub(crate) mid: String,
    pub(crate) direction: Direction,
    /// What we send: the encodings from the smallest.
    pub(crate) streams: Vec<Stream>,
    /// The description names the encodings from the largest: what servers expect differs.
    pub(crate) largest_first: bool,
    pub(crate) payload_type: u8,
    pub(crate) rtx: Option<u8>,
    pub(crate) extensions: Vec<(u8, Extension)>,
    pub(crate) feedback: Vec<String>,
    pub(crate) parameters: String,
    /// What an answer repeats: media type, protocol, formats. None in a section of our own.
    pub(crate) offered: Option<(String, String, String)>,
}

const AUDIO_EXTENSIONS: [(u8, Extension); 4] = [
    (1, Extension::AudioLevel),
    (2, Extension::AbsSendTime),
    (3, Extension::TransportSequence),
    (4, Extension::Mid),
];

const VIDEO_EXTENSIONS: [(u8, Extension); 5] = [
    (2, Extension::AbsSendTime),
    (3, Extension::TransportSequence),
    (4, Extension::Mid),
    (10, Extension::RtpStreamId),
    (11, Extension::RepairedRtpStreamId),
];

const VIDEO_FEEDBACK: [&str; 5] = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"];

impl Section {
    /// A section of our own, to be offered.
    pub(crate) fn offer(
        kind: Kind,
        mid: String,
        direction: Direction,
        streams: Vec<Stream>,
    ) -> Section {
        let (payload_type, rtx) = match kind {
            Kind::Video => (VP8, Some(RTX)),
            _ => (OPUS, None),
        };
        let (extensions, feedback) = match kind {
            Kind::Audio => (AUDIO_EXTENSIONS.to_vec(), vec!["transport-cc".to_owned()]),
            Kind::Video => (VIDEO_EXTENSIONS.to_vec(), VIDEO_FEEDBACK.map(str::to_owned).to_vec()),
            Kind::Application => Default::default(),
        };
        let parameters = match kind {
            Kind::Audio => "minptime=10;useinbandfec=1".to_owned(),
            _ => String::new(),
        };
        let kind = Some(kind);
        Section {
            kind,
            mid,
            direction,
            streams,
            largest_first: false,
            payload_type,
            rtx,
            extensions,
            feedback,
            parameters,
            offered: None,
        }
    }

    /// Our part of a section that was offered: we receive what it sends, if we know the codec.
    pub(crate) fn accept(remote: &RemoteSection) -> Section {
        let name = if remote.kind == Some(Kind::Audio) { "opus" } else { "VP8" };
        let codec = remote.codec(name);
        let data = remote.kind == Some(Kind::Application);
        let refused = remote.rejected || (codec.is_none() && !data);
        let payload_type = codec.map_or(0, |codec| codec.payload_type);
        let receives = remote.direction.sends() && !data;
        Section {
            kind: remote.kind.filter(|_| !refused),
            mid: remote.mid.clone(),
            direction: if receives { Direction::RecvOnly } else { Direction::Inactive },
            streams: Vec::new(),
            largest_first: false,
            payload_type,
            rtx: remote.rtx_of(payload_type).filter(|_| codec.is_some()),
            extensions: known(&remote.extensions),
            feedback: codec.map(|codec| codec.feedback.clone()).unwrap_or_default(),
            parameters: codec.map(|codec| codec.parameters.clone()).unwrap_or_default(),
            offered: Some((remote.media.clone(), remote.protocol.clone(), remote.formats.clone())),
        }
    }

    /// Takes over what the other side's answer agreed to.
    pub(crate) fn agree(&mut self, answer: &RemoteSection) {
        if answer.rejected {
            self.direction = Direction::Inactive;
            return;
        }
        let codec = answer.codecs.iter().find(|codec| codec.payload_type == self.payload_type);
        if let Some(codec) = codec {
            self.feedback.clone_from(&codec.feedback);
        }
        self.rtx = answer.rtx_of(self.payload_type);
        self.extensions = known(&answer.extensions);
    }

    pub(crate) fn extension_map(&self) -> ExtensionMap {
        ExtensionMap::new(&self.extensions)
    }

    pub(crate) fn has_feedback(&self, wanted: &str) -> bool {
        self.feedback.iter().any(|one| one == wanted)
    }
}

/// The extensions we know how to fill or read.
fn known(extensions: &[(u8, Extension)]) -> Vec<(u8, Extension)> {
    let ours = |one: &&(u8, Extension)| {
        AUDIO_EXTENSIONS.iter().chain(&VIDEO_EXTENSIONS).any(|(_, known)| *known == one.1)
    };
    extensions.iter().filter(ours).copied().collect()
}

/// What all sections of ours share.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) session: u64,
    pub(crate) version: u64,
    pub(crate) credentials: Credentials,
    pub(crate) setup: Setup,
    /// SHA-256 of the certificate, in colons.
    pub(crate) fingerprint: String,
    /// `candidate:…`
    pub(crate) candidates: Vec<String>,
    pub(crate) cname: String,
}

/// Writes a description.
pub(crate) fn write(local: &Local, sections: &[Section]) -> String {
    let mut text = String::with_capacity(1024 + 1024 * sections.len());
    let (session, version) = (local.session, local.version);
    let bundle = sections.iter().filter(|section| section.kind.is_some());
    let mids: Vec<&str> = bundle.map(|section| section.mid.as_str()).collect();
    line(&mut text, "v=0");
    line(&mut text, &format!("o=- {session} {version} IN IP4 127.0.0.1"));
    line(&mut text, "s=-");
    line(&mut text, "t=0 0");
    line(&mut text, &format!("a=group:BUNDLE {}", mids.join(" ")));
    line(&mut text, "a=extmap-allow-mixed");
    line(&mut text, "a=msid-semantic: WMS");
    for section in sections {
        match section.kind {
            None => refused(&mut text, section),
            Some(Kind::Application) => data(&mut text, local, section),
            Some(kind) => media(&mut text, local, section, kind),
        }
    }
    text
}

fn line(text: &mut String, content: &str) {
    text.push_str(content);
    text.push_str("\r\n");
}

fn refused(text: &mut String, section: &Section) {
    let (media, protocol, formats) = section.offered.clone().unwrap_or_default();
    line(text, &format!("m={media} 0 {protocol} {formats}"));
    line(text, "c=IN IP4 0.0.0.0");
    line(text, &format!("a=mid:{}", section.mid));
    line(text, "a=inactive");
}

fn data(text: &mut String, local: &Local, section: &Section) {
    let (_, protocol, formats) = section.offered.clone().unwrap_or_else(|| {
        let own = ("application", "UDP/DTLS/SCTP", "webrtc-datachannel");
        (own.0.to_owned(), own.1.to_owned(), own.2.to_owned())
    });
    line(text, &format!("m=application 9 {protocol} {formats}"));
    line(text, "c=IN IP4 0.0.0.0");
    transport(text, local);
    line(text, &format!("a=mid:{}", section.mid));
    line(text, "a=sctp-port:5000");
    line(text, "a=max-message-size:262144");
}

fn transport(text: &mut String, local: &Local) {
    for candidate in &local.candidates {
        line(text, &format!("a={candidate}"));
    }
    line(text, &format!("a=ice-ufrag:{}", local.credentials.ufrag));
    line(text, &format!("a=ice-pwd:{}", local.credentials.pwd));
    line(text, "a=ice-options:trickle");
    line(text, &format!("a=fingerprint:sha-256 {}", local.fingerprint));
    let setup = match local.setup {
        Setup::ActPass => "actpass",
        Setup::Active => "active",
        Setup::Passive => "passive",
    };
    line(text, &format!("a=setup:{setup}"));
}

fn media(text: &mut String, local: &Local, section: &Section, kind: Kind) {
    let (payload_type, rtx) = (section.payload_type, section.rtx);
    let formats = match rtx {
        Some(rtx) => format!("{payload_type} {rtx}"),
        None => payload_type.to_string(),
    };
    let protocol =
        section.offered.as_ref().map_or("UDP/TLS/RTP/SAVPF", |(_, protocol, _)| protocol);
    line(text, &format!("m={} 9 {protocol} {formats}", kind.as_str()));
    line(text, "c=IN IP4 0.0.0.0");
    line(text, "a=rtcp:9 IN IP4 0.0.0.0");
    transport(text, local);
    line(text, &format!("a=mid:{}", section.mid));
    for (id, extension) in &section.extensions {
        line(text, &format!("a=extmap:{id} {}", extension.uri()));
    }
    line(text, &format!("a={}", section.direction.as_str()));
    if section.direction.sends() {
        line(text, &format!("a=msid:- track-{}-{}", local.cname, section.mid));
    }
    line(text, "a=rtcp-mux");
    line(text, "a=rtcp-rsize");
    codecs(text, section, kind);
    streams(text, local, section);
}

fn codecs(text: &mut String, section: &Section, kind: Kind) {
    let payload_type = section.payload_type;
    let mapping = if kind == Kind::Audio { "opus/48000/2" } else { "VP8/90000" };
    line(text, &format!("a=rtpmap:{payload_type} {mapping}"));
    for feedback in &section.feedback {
        line(text, &format!("a=rtcp-fb:{payload_type} {feedback}"));
    }
    if !section.parameters.is_empty() {
        line(text, &format!("a=fmtp:{payload_type} {}", section.parameters));
    }
    if let Some(rtx) = section.rtx {
        line(text, &format!("a=rtpmap:{rtx} rtx/90000"));
        line(text, &format!("a=fmtp:{rtx} apt={payload_type}"));
    }
}

/// SSRCs, or under simulcast the names of the encodings, as browsers do (RFC 8853).
fn streams(text: &mut String, local: &Local, section: &Section) {
    if !section.direction.sends() {
        return;
    }
    let named = section.streams.iter().filter_map(|stream| stream.rid.as_deref());
    let mut rids: Vec<&str> = named.collect();
    if section.largest_first {
        rids.reverse();
    }
    if !rids.is_empty() {
        for rid in &rids {
            line(text, &format!("a=rid:{rid} send"));
        }
        line(text, &format!("a=simulcast:send {}", rids.join(";")));
        return;
    }
    for Stream { ssrc, rtx, .. } in &section.streams {
        if let Some(rtx) = rtx {
            line(text, &format!("a=ssrc-group:FID {ssrc} {rtx}"));
        }
        for source in [Some(*ssrc), *rtx].into_iter().flatten() {
            let _ = write!(text, "a=ssrc:{source} cname:{}\r\n", local.cname);
            let track = format!("track-{}-{}", local.cname, section.mid);
            let _ = write!(text, "a=ssrc:{source} msid:- {track}\r\n");
        }
    }
}
