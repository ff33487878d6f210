//! A str0m peer with its network side: straight to the media port, or through TURN.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use roomline_sfu::{MediaSocket, ParticipantId, TransportId};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId};
use str0m::config::DtlsVersion;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::turn::Turn;
use crate::world::{Way, World, media_socket};

/// How a client reaches the shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Direct,
    TurnUdp,
    TurnTcp,
    TurnTls,
}

pub struct Client {
    pub rtc: Rtc,
    pub transport: TransportId,
    pub participant: ParticipantId,
    pub socket: MediaSocket,
    /// Where the shard sees it.
    pub address: SocketAddr,
    /// Where it sees itself.
    pub candidate: SocketAddr,
    pub turn: Option<Turn>,
    pub events: Vec<Event>,
    pub deadline: Instant,
    /// The channel on which it sends back what comes.
    pub echoes: Option<ChannelId>,
    sent: Vec<(Way, Vec<u8>)>,
}

/// What a client offers.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    pub dtls: DtlsVersion,
    pub sends: bool,
    pub slots: usize,
    pub data: bool,
}

impl Default for Offer {
    fn default() -> Self {
        Offer { dtls: DtlsVersion::Dtls12, sends: true, slots: 1, data: true }
    }
}

/// What came of an offer: sections in which the client sends, and slots, audio before video.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    pub audio: Option<Mid>,
    pub video: Option<Mid>,
    pub audio_slots: Vec<Mid>,
    pub video_slots: Vec<Mid>,
    pub channel: Option<ChannelId>,
}

impl World {
    /// An ICE restart of a client, from now on on another way.
    pub fn restart(&mut self, index: usize, via: Via) {
        let now = self.now;
        let client = &mut self.clients[index];
        let (transport, participant, port) =
            (client.transport, client.participant, client.socket.port);
        let mut api = client.rtc.sdp_api();
        api.ice_restart(false);
        let (offer, pending) = api.apply().unwrap();
        let request = roomline_sfu::RequestId(self.number());
        let offer = offer.to_sdp_string();
        self.command(roomline_sfu::Command::Renegotiate { request, transport, offer });
        let answer = SdpAnswer::from_sdp_string(&self.answered(request).unwrap()).unwrap();
        let address = self.clients[index].candidate;
        let turn =
            (via != Via::Direct).then(|| Turn::allocate(self, via, address, participant, port));
        let candidate = match &turn {
            None => Candidate::host(address, "udp").unwrap(),
            Some(turn) => Candidate::relayed(turn.relayed, address, "udp").unwrap(),
        };
        let client = &mut self.clients[index];
        client.turn = turn;
        // A restart forgets the candidates from before.
        client.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        client.rtc.add_local_candidate(candidate);
        client.deadline = now;
    }

    /// A client joins; returns its index and what it offered.
    pub fn join(&mut self, via: Via, offer: Offer) -> (usize, Sections) {
        let number = self.number();
        let port = 10_000 + number as u16;
        self.join_at(via, offer, media_socket(port), ParticipantId(number))
    }

    pub fn join_at(
        &mut self,
        via: Via,
        offer: Offer,
        socket: MediaSocket,
        participant: ParticipantId,
    ) -> (usize, Sections) {
        let transport = TransportId(self.number());
        let address = address(transport.0);
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .set_dtls_version(offer.dtls)
            .enable_raw_packets(false)
            .build(self.now);
        let (sections, sdp, pending) = describe(&mut rtc, offer);
        let answer = self.open(transport, participant, sdp, socket).unwrap();
        let turn = match via {
            Via::Direct => None,
            _ => Some(Turn::allocate(self, via, address, participant, socket.port)),
        };
        let candidate = match &turn {
            None => Candidate::host(address, "udp").unwrap(),
            Some(turn) => Candidate::relayed(turn.relayed, address, "udp").unwrap(),
        };
        rtc.add_local_candidate(candidate);
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.clients.push(Client {
            rtc,
            transport,
            participant,
            socket,
            address,
            candidate: address,
            turn,
            events: Vec::new(),
            deadline: self.now,
            echoes: None,
            sent: Vec::new(),
        });
        (self.clients.len() - 1, sections)
    }

    /// Joins, and waits until media can flow.
    pub fn join_connected(&mut self, via: Via, offer: Offer) -> (usize, Sections) {
        let (index, sections) = self.join(via, offer);
        let transport = self.clients[index].transport;
        let connected = self.run_until(Duration::from_secs(5), |world| {
            world.clients[index].events.iter().any(|event| matches!(event, Event::Connected))
                && world.events.iter().any(|event| {
                    matches!(event, roomline_sfu::Event::TransportConnected { transport: t, .. }
                        if *t == transport)
                })
        });
        assert!(connected, "{via:?} {offer:?}: {:?}", self.events);
        (index, sections)
    }
}

/// An address that nobody else has: of the client with this number.
pub fn address(number: u64) -> SocketAddr {
    let (host, port) = (number % 250, 5000 + number / 250 % 50_000);
    format!("198.51.100.{host}:{port}").parse().unwrap()
}

fn describe(rtc: &mut Rtc, offer: Offer) -> (Sections, String, SdpPendingOffer) {
    let mut sections = Sections::default();
    let mut api = rtc.sdp_api();
    let mut add = |kind, direction| api.add_media(kind, direction, None, None, None);
    if offer.sends {
        sections.audio = Some(add(MediaKind::Audio, Direction::SendOnly));
        sections.video = Some(add(MediaKind::Video, Direction::SendOnly));
    }
    for _ in 0..offer.slots {
        sections.audio_slots.push(add(MediaKind::Audio, Direction::RecvOnly));
        sections.video_slots.push(add(MediaKind::Video, Direction::RecvOnly));
    }
    if offer.data {
        let first = ChannelConfig { label: "first".into(), ..Default::default() };
        sections.channel = Some(api.add_channel_with_config(first));
    }
    let (offer, pending) = api.apply().unwrap();
    (sections, offer.to_sdp_string(), pending)
}

impl Client {
    fn server(&self) -> SocketAddr {
        SocketAddr::new(crate::world::SERVER.parse().unwrap(), self.socket.port)
    }

    /// True once the shard's answer to something was seen.
    pub fn saw(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    /// Takes what came from the shard, if it is for this client.
    pub fn receive(&mut self, now: Instant, way: Way, data: &[u8]) {
        let (data, destination) = match (&self.turn, way) {
            (None, Way::Datagram { socket, client })
                if client == self.address && socket == self.socket.socket =>
            {
                (data, self.candidate)
            }
            (Some(turn), _) if way == turn.way => match turn.unwrap(data) {
                Some(payload) => (payload, turn.relayed),
                None => return,
            },
            _ => return,
        };
        let Ok(contents) = data.try_into() else { panic!("str0m knows no such packet") };
        let source = self.server();
        let receive = Receive { proto: Protocol::Udp, source, destination, contents };
        self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
        // str0m wants to be drained after every input.
        let mut sent = std::mem::take(&mut self.sent);
        self.poll(&mut sent);
        self.sent = sent;
    }

    /// Lets time pass; returns what it sends.
    pub fn advance(&mut self, now: Instant) -> Vec<(Way, Vec<u8>)> {
        let mut sent = std::mem::take(&mut self.sent);
        if now < self.deadline || !self.rtc.is_alive() {
            self.deadline = self.deadline.max(now + Duration::from_millis(1));
            return sent;
        }
        self.poll(&mut sent);
        if self.rtc.handle_input(Input::Timeout(now)).is_err() {
            self.rtc.disconnect();
        }
        self.poll(&mut sent);
        sent
    }

    fn poll(&mut self, sent: &mut Vec<(Way, Vec<u8>)>) {
        loop {
            let Ok(output) = self.rtc.poll_output() else {
                // It gave up, as when nothing was heard for long.
                return self.rtc.disconnect();
            };
            match output {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return;
                }
                Output::Transmit(transmit) => {
                    assert_eq!(transmit.destination, self.server());
                    match &self.turn {
                        None => {
                            let way =
                                Way::Datagram { socket: self.socket.socket, client: self.address };
                            sent.push((way, transmit.contents.to_vec()));
                        }
                        Some(turn) => sent.push((turn.way, turn.wrap(&transmit.contents))),
                    }
                }
                Output::Event(Event::ChannelData(data)) if self.echoes == Some(data.id) => {
                    if let Some(mut channel) = self.rtc.channel(data.id) {
                        channel.write(data.binary, &data.data).unwrap();
                    }
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }
}
