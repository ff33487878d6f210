//! From a [`Description`] to text.

use std::fmt::{self, Display, Formatter};

use crate::model::{
    Codec, DataParameters, Description, MediaParameters, OfferSection, RemoteSsrc, SectionBody,
};

impl Display for Description {
    /// The description as SDP with CRLF line ends.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // RFC 9429 §5.2.1: the user name, the session name and the address say nothing.
        write!(f, "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\n", self.session_id, self.session_version)?;
        f.write_str("s=-\r\nt=0 0\r\n")?;
        if !self.bundle.is_empty() {
            write!(f, "a=group:BUNDLE {}\r\n", self.bundle.join(" "))?;
        }
        if self.extmap_allow_mixed {
            f.write_str("a=extmap-allow-mixed\r\n")?;
        }
        f.write_str("a=msid-semantic:WMS *\r\n")?;
        if self.ice_lite {
            f.write_str("a=ice-lite\r\n")?;
        }
        for section in &self.sections {
            self.write_section(f, section)?;
        }
        Ok(())
    }
}

impl Description {
    fn write_section(&self, f: &mut Formatter<'_>, section: &OfferSection) -> fmt::Result {
        media_line(f, section)?;
        if section.rejected {
            if !section.mid.is_empty() {
                write!(f, "a=mid:{}\r\n", section.mid)?;
            }
            return f.write_str("a=inactive\r\n");
        }
        // Repeated in every section, as everything of the transport is: RFC 9143 asks for them only
        // in the tagged one, but aiortc reads the last one and other simple clients each.
        for candidate in &self.candidates {
            write!(f, "a={candidate}\r\n")?;
        }
        if !self.candidates.is_empty() {
            f.write_str("a=end-of-candidates\r\n")?;
        }
        write!(f, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", self.ice.ufrag, self.ice.pwd)?;
        for fingerprint in &self.fingerprints {
            let hex: Vec<String> = fingerprint.digest.iter().map(|b| format!("{b:02X}")).collect();
            write!(f, "a=fingerprint:{} {}\r\n", fingerprint.hash.as_str(), hex.join(":"))?;
        }
        write!(f, "a=setup:{}\r\na=mid:{}\r\n", self.setup.as_str(), section.mid)?;
        match &section.body {
            SectionBody::Media(media) => write_media(f, media),
            SectionBody::Data(data) => write_data(f, data),
            SectionBody::Other(_) => Ok(()),
        }
    }
}

fn media_line(f: &mut Formatter<'_>, section: &OfferSection) -> fmt::Result {
    let port = if section.rejected { 0 } else { 9 };
    write!(f, "m={} {port} {}", section.media_type(), section.protocol)?;
    match &section.body {
        SectionBody::Media(media) if !section.rejected => {
            for codec in &media.codecs {
                write!(f, " {}", codec.payload_type)?;
                if let Some(rtx) = codec.rtx {
                    write!(f, " {rtx}")?;
                }
            }
        }
        _ => write!(f, " {}", section.first_format)?,
    }
    f.write_str("\r\nc=IN IP4 0.0.0.0\r\n")
}

fn write_data(f: &mut Formatter<'_>, data: &DataParameters) -> fmt::Result {
    let DataParameters { sctp_port, max_message_size } = data;
    write!(f, "a=sctp-port:{sctp_port}\r\na=max-message-size:{max_message_size}\r\n")
}

fn write_media(f: &mut Formatter<'_>, media: &MediaParameters) -> fmt::Result {
    for (id, extension) in &media.extensions {
        write!(f, "a=extmap:{id} {}\r\n", extension.uri())?;
    }
    write!(f, "a={}\r\n", media.direction.as_str())?;
    if let Some(msid) = &media.msid {
        write!(f, "a=msid:{msid}\r\n")?;
    }
    if media.rtcp_mux {
        f.write_str("a=rtcp-mux\r\n")?;
    }
    if media.rtcp_rsize {
        f.write_str("a=rtcp-rsize\r\n")?;
    }
    for codec in &media.codecs {
        write_codec(f, codec)?;
    }
    for ssrc in &media.ssrcs {
        write_ssrc(f, ssrc, media.cname.as_deref().unwrap_or("-"))?;
    }
    Ok(())
}

fn write_codec(f: &mut Formatter<'_>, codec: &Codec) -> fmt::Result {
    let Codec { payload_type, name, clock_rate, channels, .. } = codec;
    write!(f, "a=rtpmap:{payload_type} {name}/{clock_rate}")?;
    if *channels > 1 {
        write!(f, "/{channels}")?;
    }
    f.write_str("\r\n")?;
    let feedback = [
        (codec.goog_remb, "goog-remb"),
        (codec.transport_cc, "transport-cc"),
        (codec.ccm_fir, "ccm fir"),
        (codec.nack, "nack"),
        (codec.nack_pli, "nack pli"),
    ];
    for (_, kind) in feedback.iter().filter(|(wanted, _)| *wanted) {
        write!(f, "a=rtcp-fb:{payload_type} {kind}\r\n")?;
    }
    if !codec.fmtp.is_empty() {
        write!(f, "a=fmtp:{payload_type} {}\r\n", codec.fmtp)?;
    }
    if let Some(rtx) = codec.rtx {
        write!(f, "a=rtpmap:{rtx} rtx/{clock_rate}\r\na=fmtp:{rtx} apt={payload_type}\r\n")?;
    }
    Ok(())
}

fn write_ssrc(f: &mut Formatter<'_>, stream: &RemoteSsrc, cname: &str) -> fmt::Result {
    let ssrc = stream.ssrc;
    if let Some(rtx) = stream.rtx {
        write!(f, "a=ssrc-group:FID {ssrc} {rtx}\r\n")?;
    }
    write!(f, "a=ssrc:{ssrc} cname:{cname}\r\n")?;
    match stream.rtx {
        Some(rtx) => write!(f, "a=ssrc:{rtx} cname:{cname}\r\n"),
        None => Ok(()),
    }
}
