//! The engine, told what to do as a room would.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use roomline_engine::{Config, Engine, EngineEvent};
use roomline_sfu::{
    Command, Event, ParticipantId, PublicationId, RequestId, SubscriptionId, TransportId,
};
use serde_json::{Value, json};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);

const SECRET: [u8; 32] = [7; 32];

pub struct Server {
    engine: Engine,
    certificate: PathBuf,
    poll: Poll,
    events: Vec<Event>,
    requests: u64,
}

impl Server {
    pub fn start() -> Server {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let engine = Engine::start(Config {
            addresses: vec![LOCALHOST],
            bind_addresses: vec![LOCALHOST],
            media_ports: 0..=0,
            https_port: 0,
            turn_port: 0,
            realm: "r".into(),
            turn_secret: SECRET.to_vec(),
            certificate_pem: made.cert.pem().into_bytes(),
            private_key_pem: made.signing_key.serialize_pem().into_bytes(),
            max_allocations_per_participant: 4,
            max_connections_per_address: 16,
            stats_interval: Duration::from_secs(2),
        })
        .unwrap();
        let (process, port) = (std::process::id(), engine.https_port());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let certificate = folder.join(format!("{process}-{port}.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        let poll = Poll::new().unwrap();
        let fd = engine.event_fd();
        poll.registry().register(&mut SourceFd(&fd), Token(0), Interest::READABLE).unwrap();
        Server { engine, certificate, poll, events: Vec::new(), requests: 0 }
    }

    /// The first event that `choose` wants.
    fn event<T>(&mut self, choose: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let found = self.events.iter().enumerate().find_map(|(n, e)| Some((n, choose(e)?)));
            if let Some((number, chosen)) = found {
                self.events.remove(number);
                return chosen;
            }
            let mut ready = Events::with_capacity(1);
            self.poll.poll(&mut ready, Some(PATIENCE)).unwrap();
            assert!(!ready.is_empty(), "no event came: {:?}", self.events);
            let new = self.engine.events().unwrap().into_iter();
            self.events.extend(new.filter_map(|event| match event {
                EngineEvent::Shard(event) => Some(event),
                EngineEvent::Http(_) => None,
            }));
        }
    }

    fn ask(&mut self, make: impl FnOnce(RequestId) -> Command) -> Option<String> {
        self.requests += 1;
        let wanted = RequestId(self.requests);
        self.engine.submit(make(wanted)).unwrap();
        self.event(|event| match event {
            Event::Answered { request, answer, .. } if *request == wanted => {
                Some(Some(answer.clone()))
            }
            Event::Done { request } if *request == wanted => Some(None),
            Event::Failed { request, message, .. } if *request == wanted => panic!("{message}"),
            _ => None,
        })
    }

    pub fn open(&mut self, number: u64, offer: &str) -> String {
        let answer = self.ask(|request| Command::OpenTransport {
            request,
            transport: TransportId(number),
            participant: ParticipantId(number),
            offer: offer.to_owned(),
            socket: None,
            max_send_bitrate: 0,
        });
        answer.unwrap()
    }

    /// The relay of a tier, with a participant's credentials.
    pub fn relay(&self, tier: &str, participant: u64) -> Value {
        let port = match tier {
            "turn-tls" => self.engine.https_port(),
            _ => self.engine.turn_port(),
        };
        let hour = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 3_600;
        let username = format!("{hour}:{participant}");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &SECRET);
        json!({
            "tier": tier,
            "server": SocketAddr::new(LOCALHOST, port).to_string(),
            "name": "localhost",
            "password": base64(hmac::sign(&key, username.as_bytes()).as_ref()),
            "username": username,
            "ca": self.certificate,
        })
    }

    /// The tier of the first path that works.
    pub fn tier(&mut self, number: u64) -> &'static str {
        self.event(|event| match event {
            Event::PathChanged { transport, path } if transport.0 == number => {
                Some(path.tier.as_str())
            }
            _ => None,
        })
    }

    pub fn publish(&mut self, number: u64, transport: u64, mid: &str) {
        self.ask(|request| Command::Publish {
            request,
            publication: PublicationId(number),
            transport: TransportId(transport),
            mid: mid.to_owned(),
            max_bitrate: 0,
        });
    }

    pub fn subscribe(&mut self, number: u64, publication: u64, transport: u64, mid: &str) {
        self.ask(|request| Command::Subscribe {
            request,
            subscription: SubscriptionId(number),
            publication: PublicationId(publication),
            transport: TransportId(transport),
            mid: mid.to_owned(),
        });
    }

    pub fn close(&mut self, number: u64) {
        let transport = TransportId(number);
        self.engine.submit(Command::CloseTransport { transport }).unwrap();
    }

    pub fn wait_connected(&mut self, number: u64) {
        self.event(|event| match event {
            Event::TransportConnected { transport, .. } if transport.0 == number => Some(()),
            _ => None,
        });
    }

    pub fn wait_closed(&mut self, number: u64) {
        self.event(|event| match event {
            Event::TransportClosed { transport: TransportId(n), .. } if *n == number => Some(()),
            _ => None,
        });
    }
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for digit in 0..4 {
            let index = bits >> (18 - 6 * digit) & 63;
            let there = digit <= chunk.len();
            text.push(if there { char::from(DIGITS[index as usize]) } else { '=' });
        }
    }
    text
}
