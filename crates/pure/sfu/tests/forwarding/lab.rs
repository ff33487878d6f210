//! A router in virtual time, hand-made packets, and a recording of what comes out.

use std::time::{Duration, Instant};

use roomline_rtp::rtcp::{Compound, Packet, SenderInfo, SenderReport};
use roomline_rtp::{Extension, Fields, Form, HeaderWriter, RtpPacket};
use roomline_sdp::{Codec, Kind, LocalStream, MediaSection, RemoteSsrc};
use roomline_sfu::forwarding::{Drop, Egress, LegId, Payload, Refusal, Router, RouterEvent};
use roomline_sfu::{PublicationId, SubscriptionId};

/// NTP time at which every test begins.
pub const NTP: u64 = 3_900_000_000 << 32;

/// One RTP packet that left.
#[derive(Clone, Debug)]
pub struct Sent {
    pub leg: LegId,
    pub roc: u32,
    pub bytes: Vec<u8>,
}

impl Sent {
    pub fn view(&self) -> RtpPacket<'_> {
        RtpPacket::parse(&self.bytes).expect("the router writes valid RTP")
    }

    pub fn sequence(&self) -> u16 {
        self.view().header().sequence_number()
    }

    /// The sequence number with its rollover counter.
    pub fn number(&self) -> u64 {
        u64::from(self.roc) << 16 | u64::from(self.sequence())
    }

    pub fn timestamp(&self) -> u32 {
        self.view().header().timestamp()
    }

    pub fn ssrc(&self) -> u32 {
        self.view().header().ssrc()
    }

    pub fn payload_type(&self) -> u8 {
        self.view().header().payload_type()
    }

    pub fn payload(&self) -> Vec<u8> {
        self.view().payload().to_vec()
    }
}

/// Keeps what leaves.
#[derive(Debug)]
pub struct Recorder {
    pub payloads: Vec<Vec<u8>>,
    pub rtp: Vec<Sent>,
    pub rtcp: Vec<(LegId, Vec<u8>)>,
}

impl Egress for Recorder {
    fn keep(&mut self, payload: &[u8]) -> Payload {
        self.payloads.push(payload.to_vec());
        Payload(self.payloads.len() as u32 - 1)
    }

    fn send_rtp(&mut self, leg: LegId, roc: u32, header: &[u8], payload: Payload) {
        let bytes = [header, &self.payloads[payload.0 as usize]].concat();
        self.rtp.push(Sent { leg, roc, bytes });
    }

    fn send_rtcp(&mut self, leg: LegId, compound: &[u8]) {
        assert!(compound.len() <= 1200, "{} bytes of RTCP", compound.len());
        self.rtcp.push((leg, compound.to_vec()));
    }
}

/// A router and its world.
pub struct Lab {
    pub router: Router,
    pub now: Instant,
    pub out: Recorder,
    start: Instant,
    ids: u64,
}

impl Lab {
    #[expect(clippy::disallowed_methods, reason = "virtual time has to begin somewhere")]
    pub fn new() -> Self {
        let start = Instant::now();
        let out = Recorder { payloads: Vec::new(), rtp: Vec::new(), rtcp: Vec::new() };
        let mut lab = Self { router: Router::new(start), now: start, out, start, ids: 0 };
        lab.run(0);
        lab
    }

    /// A connected leg with these sections.
    pub fn leg(&mut self, sections: &[MediaSection]) -> LegId {
        let leg = self.router.add_leg(0);
        self.router.set_sections(self.now, leg, sections, true);
        self.router.leg_connected(self.now, leg);
        leg
    }

    /// Lets time pass and everything happen that is due in it.
    pub fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        for _ in 0..100_000 {
            let due = self.router.poll_timeout().filter(|at| *at <= end);
            let Some(at) = due else {
                self.now = end;
                let ntp = self.ntp();
                self.router.handle_timeout(end, ntp, &mut self.out);
                return;
            };
            self.now = self.now.max(at);
            let ntp = self.ntp();
            self.router.handle_timeout(self.now, ntp, &mut self.out);
        }
        panic!("the router is never done");
    }

    /// The wall clock.
    pub fn ntp(&self) -> u64 {
        let since = self.now.duration_since(self.start);
        NTP + ((since.as_nanos() << 32) / 1_000_000_000) as u64
    }

    pub fn rtp(&mut self, leg: LegId, packet: &[u8]) -> Result<(), Drop> {
        self.router.handle_rtp(self.now, leg, packet, &mut self.out)
    }

    pub fn rtcp(&mut self, leg: LegId, write: impl FnOnce(&mut Vec<u8>)) {
        let mut compound = Vec::new();
        write(&mut compound);
        self.router.handle_rtcp(self.now, leg, &compound, &mut self.out);
    }

    /// A publisher's sender report, whose clock shows `ntp`.
    pub fn sender_report(&mut self, leg: LegId, ssrc: u32, ntp: u64, rtp: u32) {
        let info = SenderInfo { ssrc, ntp, rtp, packets: 1, octets: 1 };
        self.rtcp(leg, |out| SenderReport::write(out, &info, &[]));
    }

    pub fn publish(&mut self, leg: LegId, mid: &str) -> PublicationId {
        self.ids += 1;
        let id = PublicationId(self.ids);
        self.router.publish(self.now, id, leg, mid, 0).expect("can be published");
        id
    }

    pub fn try_subscribe(
        &mut self,
        publication: PublicationId,
        leg: LegId,
        mid: &str,
    ) -> Result<SubscriptionId, Refusal> {
        self.ids += 1;
        let id = SubscriptionId(self.ids);
        self.router.subscribe(self.now, id, publication, leg, mid).map(|()| id)
    }

    pub fn subscribe(
        &mut self,
        publication: PublicationId,
        leg: LegId,
        mid: &str,
    ) -> SubscriptionId {
        self.try_subscribe(publication, leg, mid).expect("can be subscribed")
    }

    /// What left since the last time.
    pub fn take_rtp(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.out.rtp)
    }

    /// A word for every RTCP packet that left for this leg since the last time.
    pub fn take_rtcp(&mut self, leg: LegId) -> Vec<String> {
        let all = std::mem::take(&mut self.out.rtcp);
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(to, _)| *to == leg);
        self.out.rtcp = others;
        own.iter().flat_map(|(_, compound)| words(compound)).collect()
    }

    /// The compounds that left for this leg since the last time.
    pub fn take_compounds(&mut self, leg: LegId) -> Vec<Vec<u8>> {
        let all = std::mem::take(&mut self.out.rtcp);
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(to, _)| *to == leg);
        self.out.rtcp = others;
        own.into_iter().map(|(_, compound)| compound).collect()
    }

    pub fn events(&mut self) -> Vec<RouterEvent> {
        std::iter::from_fn(|| self.router.poll_event()).collect()
    }

    pub fn dropped(&self, reason: Drop) -> u64 {
        self.router.counters().dropped(reason)
    }
}

fn words(compound: &[u8]) -> Vec<String> {
    let word = |packet| match packet {
        Packet::SenderReport(report) => format!("SR {:x}", report.sender.ssrc),
        Packet::ReceiverReport(_) => "RR".into(),
        Packet::Sdes(_) => "SDES".into(),
        Packet::Nack(nack) => {
            let lost: Vec<_> = nack.sequence_numbers().collect();
            format!("NACK {:x} {lost:?}", nack.media)
        }
        Packet::Pli(pli) => format!("PLI {:x}", pli.media),
        Packet::Fir(fir) => {
            let entry = fir.entries().next().expect("a FIR names somebody");
            format!("FIR {:x} {}", entry.ssrc, entry.sequence)
        }
        Packet::Remb(remb) => format!("REMB {}", remb.bitrate),
        Packet::TransportFeedback(_) => "TWCC".into(),
        other => format!("{other:?}"),
    };
    Compound::new(compound).map(|packet| word(packet.expect("valid RTCP"))).collect()
}

/// What a publisher sends next.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub ssrc: u32,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub marker: bool,
    pub extensions: Vec<(u8, Vec<u8>)>,
    pub payload: Vec<u8>,
}

impl Outgoing {
    pub fn new(ssrc: u32, payload_type: u8, sequence: u16, payload: &[u8]) -> Self {
        let payload = payload.to_vec();
        let extensions = Vec::new();
        let timestamp = u32::from(sequence) * 3000;
        Self { ssrc, payload_type, sequence, timestamp, marker: true, extensions, payload }
    }

    pub fn with(mut self, id: u8, value: &[u8]) -> Self {
        self.extensions.push((id, value.to_vec()));
        self
    }

    pub fn at(mut self, timestamp: u32) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// Wrapped as a retransmission (RFC 4588).
    pub fn retransmitted(mut self, ssrc: u32, payload_type: u8, sequence: u16) -> Self {
        let original = self.sequence.to_be_bytes();
        self.payload = [&original[..], &self.payload].concat();
        (self.ssrc, self.payload_type, self.sequence) = (ssrc, payload_type, sequence);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let fields = Fields {
            marker: self.marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        let mut bytes = Vec::new();
        let mut writer = HeaderWriter::new(&mut bytes, &fields, Form::Mixed);
        for (id, value) in &self.extensions {
            assert!(writer.extension(*id, value));
        }
        writer.finish();
        bytes.extend_from_slice(&self.payload);
        bytes
    }
}

/// A VP8 payload that begins a keyframe, and one that does not (RFC 7741 §4.2, §4.3).
pub const KEY: &[u8] = &[0x10, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 1, 2, 3];
pub const DELTA: &[u8] = &[0x10, 0x01, 4, 5, 6];

pub fn vp8(payload_type: u8, rtx: Option<u8>) -> Codec {
    video_codec("VP8", payload_type, rtx)
}

pub fn video_codec(name: &str, payload_type: u8, rtx: Option<u8>) -> Codec {
    Codec {
        payload_type,
        name: name.into(),
        clock_rate: 90_000,
        channels: 1,
        fmtp: String::new(),
        nack: true,
        nack_pli: true,
        ccm_fir: true,
        transport_cc: true,
        goog_remb: true,
        rtx,
    }
}

pub fn opus(payload_type: u8) -> Codec {
    Codec {
        payload_type,
        name: "opus".into(),
        clock_rate: 48_000,
        channels: 2,
        fmtp: "minptime=10;useinbandfec=1".into(),
        nack: false,
        nack_pli: false,
        ccm_fir: false,
        transport_cc: true,
        goog_remb: false,
        rtx: None,
    }
}

/// Extension ids of a publisher and of a subscriber; they differ on purpose.
pub const THEIRS: [(u8, Extension); 4] = [
    (1, Extension::AudioLevel),
    (2, Extension::Mid),
    (3, Extension::TransportSequence),
    (4, Extension::VideoOrientation),
];
pub const OURS: [(u8, Extension); 4] = [
    (5, Extension::Mid),
    (6, Extension::AudioLevel),
    (7, Extension::VideoOrientation),
    (8, Extension::TransportSequence),
];

/// A section in which the client sends under `ssrc`, RTX under the next one.
pub fn sending(mid: &str, codec: Codec, ssrc: Option<u32>) -> MediaSection {
    let rtx = codec.rtx.is_some();
    let announced = |ssrc: u32| RemoteSsrc { ssrc, rtx: rtx.then_some(ssrc + 1) };
    MediaSection {
        mid: mid.into(),
        kind: if codec.clock_rate == 90_000 { Kind::Video } else { Kind::Audio },
        sends: true,
        receives: false,
        codecs: vec![codec],
        extensions: THEIRS.to_vec(),
        remote_ssrcs: ssrc.map(announced).into_iter().collect(),
        remote_cname: None,
        local: None,
    }
}

/// A slot that sends under `ssrc`, RTX under the next one.
pub fn slot(mid: &str, codec: Codec, ssrc: u32) -> MediaSection {
    let rtx_ssrc = codec.rtx.map(|_| ssrc + 1);
    let local = LocalStream { ssrc, rtx_ssrc, cname: "server".into(), msid: "s t".into() };
    MediaSection {
        sends: false,
        receives: true,
        extensions: OURS.to_vec(),
        remote_ssrcs: Vec::new(),
        local: Some(local),
        ..sending(mid, codec, None)
    }
}

/// One camera on a leg of its own, and a viewer. Publisher: VP8 96/97, SSRC 0xa0. Viewer: VP8
/// 100/101, SSRC 0xb0.
pub struct Camera {
    pub lab: Lab,
    pub publisher: LegId,
    pub viewer: LegId,
    pub publication: PublicationId,
    pub subscription: SubscriptionId,
}

pub const CAMERA: u32 = 0xa0;
pub const VIEW: u32 = 0xb0;

impl Camera {
    pub fn new() -> Self {
        Self::with_viewer(vp8(100, Some(101)))
    }

    pub fn with_viewer(codec: Codec) -> Self {
        let mut lab = Lab::new();
        let publisher = lab.leg(&[sending("0", vp8(96, Some(97)), Some(CAMERA))]);
        let viewer = lab.leg(&[slot("9", codec, VIEW)]);
        let publication = lab.publish(publisher, "0");
        let subscription = lab.subscribe(publication, viewer, "9");
        Self { lab, publisher, viewer, publication, subscription }
    }

    pub fn send(&mut self, sequence: u16, payload: &[u8]) -> Result<(), Drop> {
        let packet = Outgoing::new(CAMERA, 96, sequence, payload).bytes();
        self.lab.rtp(self.publisher, &packet)
    }
}
