//! A peer of the server: connectivity checks, DTLS, and then SRTP.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Config, Dtls, DtlsCertificate, Output, SrtpProfile};
use roomline_srtp::{Outbound, Profile};
use roomline_stun::attribute::{Priority, UseCandidate, Username};
use roomline_stun::{Builder, Class, Key, Message, Method, TransactionId};

use crate::network::{CLIENT, SERVER};
use crate::turn::Turn;

const PATIENCE: Duration = Duration::from_secs(5);
const MTU: usize = 2048;

/// What every client has.
pub struct Identity {
    certificate: DtlsCertificate,
    config: Arc<Config>,
    profile: Profile,
}

impl Identity {
    /// Offers one SRTP profile only.
    pub fn new(profile: Profile) -> Result<Self, Box<dyn Error>> {
        let offered = match profile {
            Profile::AesCm128HmacSha1_80 => SrtpProfile::AES128_CM_SHA1_80,
            _ => SrtpProfile::AEAD_AES_128_GCM,
        };
        let certificate = dimpl::certificate::generate_self_signed_certificate()
            .map_err(|error| format!("certificate: {error:?}"))?;
        let config = Config::builder().srtp_profiles(&[offered]).build()?;
        Ok(Self { certificate, config: Arc::new(config), profile })
    }

    /// The certificate's fingerprint (RFC 8122), by SHA-256.
    pub fn fingerprint(&self) -> String {
        let digest =
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.certificate.certificate);
        let bytes: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// An offer with these media sections.
    pub fn offer(&self, sections: &[Section]) -> String {
        let mids: Vec<String> = (0..sections.len()).map(|mid| mid.to_string()).collect();
        let mut sdp = format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
             a=extmap-allow-mixed\r\n",
            mids.join(" ")
        );
        for (mid, section) in sections.iter().enumerate() {
            sdp.push_str(&section.describe(mid, &self.fingerprint()));
        }
        sdp
    }
}

/// A media section of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Video that the client sends.
    Send,
    /// Video that it receives.
    Receive,
}

impl Section {
    fn describe(self, mid: usize, fingerprint: &str) -> String {
        let direction = if self == Section::Send { "sendonly" } else { "recvonly" };
        format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:peer\r\n\
             a=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 {fingerprint}\r\n\
             a=setup:actpass\r\na=mid:{mid}\r\n\
             a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
             a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
             a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
             a={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96 VP8/90000\r\n\
             a=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\n\
             a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\n\
             a=fmtp:97 apt=96\r\n"
        )
    }
}

/// How datagrams pass between a client and the server.
pub trait Wire {
    /// Sends one.
    fn send(&self, datagram: &[u8]) -> io::Result<()>;
    /// Waits for one.
    fn receive(&self) -> io::Result<Vec<u8>>;
}

impl Wire for UdpSocket {
    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        UdpSocket::send(self, datagram).map(drop)
    }

    fn receive(&self) -> io::Result<Vec<u8>> {
        let mut datagram = vec![0; MTU];
        let length = self.recv(&mut datagram)?;
        datagram.truncate(length);
        Ok(datagram)
    }
}

/// A socket of a client's, connected to a port of the server's.
pub fn socket(port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((CLIENT, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect((SERVER, port))?;
    Ok(socket)
}

/// The media port of an answer.
pub fn media_port(answer: &str) -> Result<u16, Box<dyn Error>> {
    Ok(line(answer, "a=candidate:")?.split(' ').nth(5).ok_or("no port")?.parse()?)
}

/// A client whose handshake is done.
pub struct Client<W: Wire> {
    wire: W,
    turn: Option<Turn>,
    srtp: Outbound,
    buffer: Vec<u8>,
    dtls: Dtls,
}

impl<W: Wire> Client<W> {
    /// Connects to the transport of an answer. `turn`: the wire leads to the TURN server.
    pub fn connect(
        identity: &Identity,
        answer: &str,
        participant: u64,
        wire: W,
        turn: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let media = SocketAddr::new(SERVER.into(), media_port(answer)?);
        let turn = if turn { Some(Turn::allocate(&wire, participant, media)?) } else { None };
        let mut dtls =
            Dtls::new_13(identity.config.clone(), identity.certificate.clone(), Instant::now());
        dtls.set_active(true);
        let mut link = Link { wire, turn };
        link.check(answer)?;
        let keys = link.shake_hands(&mut dtls)?;
        let split = identity.profile.split(&keys)?;
        let srtp = Outbound::new(identity.profile, split.client_key, split.client_salt)?;
        let Link { wire, turn } = link;
        Ok(Self { wire, turn, srtp, buffer: Vec::new(), dtls })
    }

    /// Begins a packet: append header and payload to the buffer that is given.
    pub fn begin(&mut self) -> &mut Vec<u8> {
        self.buffer.clear();
        if self.turn.is_some() {
            self.buffer.resize(4, 0);
        }
        &mut self.buffer
    }

    /// Seals the packet that was begun and sends it.
    pub fn send(&mut self, roc: u32, header: usize) -> Result<(), Box<dyn Error>> {
        let packet = self.seal(roc, header)?.len();
        Ok(self.wire.send(&self.buffer[..packet])?)
    }

    /// Seals the packet that was begun.
    pub fn seal(&mut self, roc: u32, header: usize) -> Result<&[u8], Box<dyn Error>> {
        let start = if self.turn.is_some() { 4 } else { 0 };
        self.srtp.seal_rtp(roc, &mut self.buffer, start, header)?;
        if let Some(turn) = &self.turn {
            let length = self.buffer.len() - 4;
            self.buffer[..4].copy_from_slice(&turn.header(length));
        }
        Ok(&self.buffer)
    }

    /// Sends a packet of SCTP.
    pub fn send_data(&mut self, packet: &[u8]) -> Result<(), Box<dyn Error>> {
        self.dtls.send_application_data(packet)?;
        self.exchange_records().map(drop)
    }

    /// The packets of SCTP that have come, without waiting for more.
    pub fn receive_data(&mut self) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        let mut packets = Vec::new();
        while let Ok(record) = self.wire.receive() {
            if record.first().is_some_and(|first| (20..=63).contains(first)) {
                self.dtls.handle_packet(&record)?;
                packets.extend(self.exchange_records()?);
            }
        }
        Ok(packets)
    }

    fn exchange_records(&mut self) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        let (mut room, mut packets) = (vec![0; MTU], Vec::new());
        loop {
            match self.dtls.poll_output(&mut room) {
                Output::Packet(packet) => self.wire.send(packet)?,
                Output::ApplicationData(data) => packets.push(data.to_vec()),
                Output::Timeout(_) => return Ok(packets),
                _ => {}
            }
        }
    }

    /// Its way to the server.
    pub fn wire(&self) -> &W {
        &self.wire
    }

    /// Whether the association still stands.
    pub fn is_connected(&self) -> bool {
        !self.dtls.is_closed()
    }
}

/// The path of a client.
struct Link<W> {
    wire: W,
    turn: Option<Turn>,
}

impl<W: Wire> Link<W> {
    fn send(&self, packet: &[u8]) -> Result<(), Box<dyn Error>> {
        match &self.turn {
            None => self.wire.send(packet)?,
            Some(turn) => self.wire.send(&[&turn.header(packet.len())[..], packet].concat())?,
        }
        Ok(())
    }

    fn receive(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut packet = self.wire.receive()?;
        if self.turn.is_some() {
            packet.drain(..4);
        }
        Ok(packet)
    }

    fn check(&mut self, answer: &str) -> Result<(), Box<dyn Error>> {
        let username = format!("{}:peer", line(answer, "a=ice-ufrag:")?);
        let key = Key::short_term(line(answer, "a=ice-pwd:")?);
        let mut message = Vec::new();
        let id = TransactionId(*b"cost-of-a-pc");
        Builder::new(&mut message, Class::Request, Method::BINDING, id)
            .push(&Username(&username))
            .push(&Priority(1_000))
            .push(&UseCandidate)
            .integrity(&key)
            .fingerprint();
        self.send(&message)?;
        let reply = self.receive()?;
        let reply = Message::parse(&reply)?;
        match reply.class() {
            Class::Success => Ok(()),
            other => Err(format!("the check was answered by {other:?}").into()),
        }
    }

    /// Returns the keying material.
    fn shake_hands(&mut self, dtls: &mut Dtls) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut room = vec![0; MTU];
        let mut keys = None;
        loop {
            dtls.handle_timeout(Instant::now())?;
            let mut connected = false;
            loop {
                match dtls.poll_output(&mut room) {
                    Output::Packet(packet) => self.send(packet)?,
                    Output::KeyingMaterial(material, _) => keys = Some(material.to_vec()),
                    Output::Connected => connected = true,
                    Output::Timeout(_) => break,
                    _ => {}
                }
            }
            match keys.take_if(|_| connected) {
                Some(keys) => return Ok(keys),
                None => {
                    let packet = self.receive()?;
                    if packet.first().is_some_and(|first| (20..=63).contains(first)) {
                        dtls.handle_packet(&packet)?;
                    }
                }
            }
        }
    }
}

fn line<'a>(sdp: &'a str, name: &str) -> Result<&'a str, String> {
    sdp.lines().find_map(|line| line.strip_prefix(name)).ok_or(format!("no {name} in {sdp}"))
}
